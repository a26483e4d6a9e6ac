import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SpecInput } from '../../../contract/spec.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const ID = 'source.large_objects';
const FULL = { mode: 'full-load' } as const;
const COPY = { select: { largeObjects: 'copy' } } as const;
const SKIP = { select: { largeObjects: 'skip' } } as const;

describe('large objects of the source', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    await databases.run('source', `CREATE TABLE public.t (id int PRIMARY KEY, body oid)`);
  });
  after(() => pair.remove());

  const validate = (spec: Partial<SpecInput>) => databases.validate({ spec });

  it('are no matter where there are none', async () => {
    for (const spec of [FULL, {}, { mode: 'cdc' } as const])
      assertFinding(await validate(spec), { id: ID, verdict: 'ok', why: /no large objects/ });
    await databases.run('source', 'SELECT lo_create(n) FROM generate_series(1, 3) n');
  });

  for (const [what, spec, verdict, remedy] of [
    ['are copied by a full load', FULL, 'ok', undefined],
    ['are copied by the dump method', { ...FULL, load: { method: 'dump' } }, 'ok', undefined],
    [
      'block a full load that asks for it',
      { ...FULL, select: { largeObjects: 'block' } },
      'block',
      /copy.*skip/,
    ],
    ['block where their changes would be lost', {}, 'block', /copy.*skip/],
    ['are copied beside replication with a warning', COPY, 'warn', /Let nothing change them/],
    ['block the native method', { load: { method: 'native' }, ...COPY }, 'block', /skip/],
    ['block mode cdc', { mode: 'cdc', ...COPY }, 'block', /skip/],
    ['stay behind with a warning', SKIP, 'warn', /by other means/],
    ['stay behind with a warning in mode cdc', { mode: 'cdc', ...SKIP }, 'warn', /by other means/],
  ] as [string, Partial<SpecInput>, 'ok' | 'warn' | 'block', RegExp | undefined][]) {
    it(what, async () => {
      const expected = { id: ID, verdict, why: /3 large objects/ };
      assertFinding(await validate(spec), remedy ? { ...expected, remedy } : expected);
    });
  }

  it('block when the target has one of their numbers', async () => {
    await databases.run('target', 'SELECT lo_create(2), lo_create(9)');
    const { remedy } = assertFinding(await validate(FULL), {
      id: 'target.large_objects',
      verdict: 'block',
      why: /^1 large objects .*: 2\.$/,
    });
    await databases.run('target', /SELECT .* o;/.exec(remedy ?? '')?.[0] ?? '');
    assert.deepEqual(findingsOf(await validate(FULL), 'target.large_objects'), []);
    assert.equal((await databases.run('target', 'SELECT oid FROM pg_largeobject_metadata')).length, 1);
  });

  it('block with the roles that the target lacks, and with what makes them', async () => {
    await databases.run('source', 'CREATE ROLE archivist; CREATE ROLE reader');
    await databases.run('source', 'GRANT SELECT ON LARGE OBJECT 1 TO reader');
    await databases.run('source', 'ALTER LARGE OBJECT 1 OWNER TO archivist');
    const findings = await validate(FULL);
    const owner = { id: 'target.owners', verdict: 'block', scope: 'target.role archivist' } as const;
    const grantee = { id: 'target.grantees', verdict: 'block', scope: 'target.role reader' } as const;
    for (const expected of [owner, grantee]) {
      const { remedy } = assertFinding(findings, { ...expected, why: /large objects/ });
      await databases.run('target', remedy ?? '');
    }
    const mended = await validate(FULL);
    for (const id of ['target.owners', 'target.grantees']) assertFinding(mended, { id, verdict: 'ok' });
    await databases.run('target', 'DROP ROLE archivist; DROP ROLE reader');
    const skipped = await validate({ ...FULL, ...SKIP });
    for (const id of ['target.owners', 'target.grantees']) assertFinding(skipped, { id, verdict: 'ok' });
    await databases.run('target', 'CREATE ROLE archivist; CREATE ROLE reader');
  });

  it('block when they may not be read, and the remedies suffice', async () => {
    await databases.run('source', `CREATE ROLE mover LOGIN PASSWORD 'x'; GRANT SELECT ON public.t TO mover`);
    await databases.run('source', 'SELECT lo_create(n) FROM generate_series(11, 30) n');
    for (let n = 11; n <= 30; n += 1)
      await databases.run('source', `ALTER LARGE OBJECT ${String(n)} OWNER TO archivist`);
    const look = () => databases.validate({ spec: FULL, source: { user: 'mover', password: 'x' } });
    const id = 'source.privileges.large_objects';
    const found = findingsOf(await look(), id);
    assert.deepEqual(
      found.map(({ scope, verdict }) => [scope, verdict]),
      [
        ['source.role archivist', 'block'],
        ['source.role postgres', 'block'],
      ],
    );
    assert.match(
      found[0]?.why ?? '',
      /mover may not read 21 large objects .*: 1, 11, 12, 13, 14 and 16 more\.$/,
    );
    for (const { remedy } of found) await databases.run('source', remedy ?? '');
    assert.deepEqual(findingsOf(await look(), id), []);
  });

  it('need temporary tables on the target', async () => {
    await databases.run('target', `CREATE ROLE mover LOGIN PASSWORD 'x'`);
    await databases.run('target', `REVOKE TEMPORARY ON DATABASE ${databases.name} FROM PUBLIC`);
    const look = () => databases.validate({ spec: FULL, target: { user: 'mover', password: 'x' } });
    const id = 'target.privileges.temporary';
    const { remedy } = assertFinding(await look(), { id, verdict: 'block' });
    await databases.run('target', remedy ?? '');
    assert.deepEqual(findingsOf(await look(), id), []);
  });
});
