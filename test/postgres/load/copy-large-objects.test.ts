import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { SpecInput } from '../../../contract/spec.js';
import { parseSpec } from '../../../contract/spec.js';
import { laneName } from '../../../contract/names.js';
import type { Observer } from '../../../postgres/endpoint.js';
import type { Job } from '../../../postgres/job.js';
import { withTarget } from '../../../postgres/job.js';
import { createLedger } from '../../../postgres/ledger/create-ledger.js';
import { copyLargeObjects } from '../../../postgres/load/copy-large-objects.js';
import { dropRestored } from '../../../postgres/schema/drop-restored.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const LOGIN = { user: 'mover', password: 'mover' };
const LANE = laneName('objects', 1);
const NEXT_LANE = laneName('objects', 2);
const SMALL = 10_000;
const BIG = 4_000_000_001;
const SPARSE = 4_000_000_002;

const ROLES_SQL = `
  CREATE ROLE mover LOGIN PASSWORD 'mover'; CREATE ROLE app; CREATE ROLE "Read Only"; GRANT app TO mover`;

/** Of mover and app; readable for mover by ownership, by membership and by GRANT. */
const FILL_SQL = `
  SELECT lo_from_bytea(100000 + n, convert_to(repeat(md5(n::text), n % 100), 'UTF8')) FROM generate_series(1, ${SMALL}) n;
  DO $$ BEGIN
    FOR n IN 100001..100000 + ${SMALL} LOOP
      EXECUTE format('ALTER LARGE OBJECT %s OWNER TO %I', n, CASE WHEN n % 2 = 0 THEN 'mover' ELSE 'app' END); IF n % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$;
  GRANT SELECT ON LARGE OBJECT 100001, 100002 TO "Read Only";
  GRANT UPDATE ON LARGE OBJECT 100001 TO PUBLIC;
  GRANT SELECT ON LARGE OBJECT 100006 TO app WITH GRANT OPTION;
  REVOKE UPDATE ON LARGE OBJECT 100003 FROM app;
  COMMENT ON LARGE OBJECT 100004 IS 'it''s \\ "mine"';
  SELECT lo_from_bytea(200001, ''), lo_from_bytea(200002, decode(repeat('00', 262144), 'hex')),
    lo_from_bytea(200003, decode(repeat('00', 262145), 'hex')), lo_from_bytea(200004, decode(repeat('ab', 262144), 'hex'));
  ALTER LARGE OBJECT 200001 OWNER TO app;
  ALTER LARGE OBJECT 200002 OWNER TO app;
  ALTER LARGE OBJECT 200003 OWNER TO app;
  ALTER LARGE OBJECT 200004 OWNER TO mover`;

/** 100 MB and a bit, full; and as long, with a hole in the middle and one at the end. */
const FILL_BIG_SQL = `
  SELECT lo_create(${BIG}), lo_create(${SPARSE});
  SELECT lo_put(${BIG}, n * 1048576, convert_to(repeat(md5(n::text), 32768), 'UTF8')) FROM generate_series(0, 99) n;
  SELECT lo_put(${BIG}, 104857600, 'the end');
  SELECT lo_put(${SPARSE}, 1000, 'one'), lo_put(${SPARSE}, 60000000, 'two');
  SELECT lo_truncate64(lo_open(${SPARSE}, 131072), 104857612);
  ALTER LARGE OBJECT ${BIG} OWNER TO app;
  ALTER LARGE OBJECT ${SPARSE} OWNER TO mover`;

const CONTENT_SQL = `
  SELECT oid::text, length(lo_get(oid)) AS bytes, md5(lo_get(oid)) AS digest,
    pg_get_userbyid(lomowner)::text AS owner, obj_description(oid, 'pg_largeobject') AS comment,
    (SELECT string_agg(concat_ws(' ', grantee, privilege_type, is_grantable), ', ' ORDER BY 1)
      FROM (SELECT CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END AS grantee,
              a.privilege_type, a.is_grantable
            FROM aclexplode(coalesce(lomacl, acldefault('L', lomowner))) a ORDER BY 1, 2) acl) AS acl
  FROM pg_largeobject_metadata ORDER BY oid`;

for (const [sourceMajor, targetMajor] of [
  [15, 18],
  [18, 15],
] as const) {
  describe(`large objects from ${sourceMajor} to ${targetMajor}, as a plain role`, () => {
    let pair: Pair;
    before(async () => {
      pair = await startPair({
        source: { major: sourceMajor },
        // A table of locks for some hundred objects.
        target: { major: targetMajor, settings: { max_locks_per_transaction: '10', max_connections: '20' } },
      });
      const { run } = await pair.newDatabases();
      await run('source', ROLES_SQL);
      await run('target', ROLES_SQL);
    });
    after(() => pair.remove());

    it('come with content, owner, privileges and comment, as the snapshot shows them', async () => {
      const { databases, job } = await newMigration(pair);
      for (const sql of [FILL_SQL, FILL_BIG_SQL]) await runEach(databases, sql);
      const keeper = await holdSnapshot(databases);
      try {
        const expected = (await keeper.client.query(CONTENT_SQL)).rows;
        await runEach(
          databases,
          `SELECT lo_put(100001, 0, 'changed later');
           SELECT lo_unlink(100002);
           SELECT lo_from_bytea(300001, 'made later');
           ALTER LARGE OBJECT 100005 OWNER TO mover`,
        );
        const texts: string[] = [];
        const copy = () =>
          copyLargeObjects(job, { lane: LANE, snapshots: [keeper.snapshot] }, (text) => texts.push(text));
        const done = await copy();
        assert.deepEqual(done, {
          objects: SMALL + 6,
          bytes: String(expected.reduce((sum: number, { bytes }: { bytes: number }) => sum + bytes, 0)),
        });
        const found = await databases.run('target', CONTENT_SQL);
        assert.equal(found.length, expected.length);
        for (const [at, row] of expected.entries()) assert.deepEqual(found[at], row);
        assert.match(texts.at(-1) ?? '', /^large objects: 10006 of 10006, \d+ bytes$/);
        assert.ok(texts.length > 10, 'a big object tells how far it is');
        const [pages] = await databases.run(
          'target',
          `SELECT count(*)::int AS pages FROM pg_largeobject WHERE loid = ${SPARSE}`,
        );
        assert.ok(Number(pages?.pages) < 400, `holes stay holes: ${String(pages?.pages)} pages`);
        assert.deepEqual(await copy(), done, 'a second attempt has nothing to do');
        assert.deepEqual(await databases.run('target', CONTENT_SQL), found);
        assert.deepEqual(await withTarget(job, 'test', (target) => dropRestored(target, job.owner)), []);
        assert.deepEqual(await databases.run('target', 'SELECT oid FROM pg_largeobject_metadata'), []);
      } finally {
        await keeper.release();
      }
    });

    it('are copied once beside an attempt that outlived its worker', async () => {
      const { databases, job } = await newMigration(pair);
      await databases.run(
        'source',
        'SELECT lo_from_bytea(n, md5(n::text)::bytea) FROM generate_series(1, 200) n',
      );
      await giveAll(databases);
      const keeper = await holdSnapshot(databases);
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      let reached: () => void = () => undefined;
      const hanging = new Promise<void>((resolve) => (reached = resolve));
      const first = copyLargeObjects(
        withObserver(job, async (moment, tag) => {
          if (moment !== 'before' || tag !== 'record-large-objects') return;
          reached();
          await released;
        }),
        { lane: LANE, snapshots: [keeper.snapshot] },
        () => undefined,
      );
      const refused = assert.rejects(
        first,
        /Connection terminated|terminating connection|COPY_FAILED|Cannot copy/,
      );
      await Promise.race([hanging, refused]);
      const done = await copyLargeObjects(job, { lane: LANE, snapshots: [keeper.snapshot] }, () => undefined);
      release();
      await refused;
      assert.deepEqual(done, { objects: 200, bytes: '6400' });
      assert.deepEqual(await countOf(databases), { objects: 200 });
      await keeper.release();
    });

    it('block before anything is written when the target has one of these numbers', async () => {
      const { databases, job } = await newMigration(pair);
      await databases.run('source', 'SELECT lo_create(n) FROM generate_series(1, 20) n');
      await databases.run('target', 'SELECT lo_create(17), lo_create(4000)');
      await giveAll(databases);
      const keeper = await holdSnapshot(databases);
      const copy = () => copyLargeObjects(job, { lane: LANE, snapshots: [keeper.snapshot] }, () => undefined);
      await assert.rejects(copy(), {
        code: 'LARGE_OBJECT_EXISTS',
        object: 'large object 17',
        retryable: false,
        remedy: /lo_unlink.*ARRAY\[17\]/,
      });
      assert.deepEqual(await countOf(databases), { objects: 2 });
      await databases.run('target', 'SELECT lo_unlink(17)');
      assert.equal((await copy()).objects, 20);
      await keeper.release();
    });

    it('block with the role that the target lacks, and go on with it', async () => {
      const { databases, job } = await newMigration(pair);
      const role = `late_${databases.name}`;
      await databases.run('source', `CREATE ROLE ${role}; SELECT lo_create(1), lo_create(2)`);
      await giveAll(databases);
      await databases.run('source', `ALTER LARGE OBJECT 2 OWNER TO ${role}; GRANT ${role} TO mover`);
      const keeper = await holdSnapshot(databases);
      const copy = (changed = job) =>
        copyLargeObjects(changed, { lane: LANE, snapshots: [keeper.snapshot] }, () => undefined);
      await assert.rejects(copy(), {
        code: 'COPY_FAILED',
        retryable: false,
        message: new RegExp(`role "${role}"`),
      });
      assert.deepEqual(await countOf(databases), { objects: 0 });
      await databases.run('target', `CREATE ROLE ${role}; GRANT ${role} TO mover`);
      assert.equal((await copy()).objects, 2);
      await keeper.release();
    });

    it('belong to the target’s user when owners are skipped', async () => {
      const { databases, job } = await newMigration(pair, { schema: { owners: 'skip', privileges: 'skip' } });
      await databases.run('source', 'SELECT lo_create(1)');
      await databases.run('source', 'GRANT ALL ON LARGE OBJECT 1 TO mover, app');
      const keeper = await holdSnapshot(databases);
      await copyLargeObjects(job, { lane: LANE, snapshots: [keeper.snapshot] }, () => undefined);
      assert.deepEqual(
        await databases.run(
          'target',
          'SELECT pg_get_userbyid(lomowner)::text AS owner, lomacl AS acl FROM pg_largeobject_metadata',
        ),
        [{ owner: 'mover', acl: null }],
      );
      await keeper.release();
    });

    it('name the object that may not be read', async () => {
      const { databases, job } = await newMigration(pair);
      await databases.run('source', 'SELECT lo_create(77)');
      const keeper = await holdSnapshot(databases);
      await assert.rejects(
        copyLargeObjects(job, { lane: LANE, snapshots: [keeper.snapshot] }, () => undefined),
        /permission denied for large object 77/,
      );
      await keeper.release();
    });

    it('come from the first snapshot that lives, and from no lane that was given up', async () => {
      const { databases, job } = await newMigration(pair);
      await databases.run('source', `SELECT lo_from_bytea(1, 'one'), lo_from_bytea(2, 'two')`);
      await giveAll(databases);
      const keeper = await holdSnapshot(databases);
      const copy = (lane = LANE, snapshots = ['00000003-00000001-1', keeper.snapshot]) =>
        copyLargeObjects(job, { lane, snapshots }, () => undefined);
      await assert.rejects(copy(LANE, ['00000003-00000001-1', 'nonsense']), { code: 'SNAPSHOT_LOST' });
      assert.equal((await copy()).objects, 2);
      await keeper.release();

      await databases.run('source', `SELECT lo_put(1, 0, 'ONE'), lo_unlink(2)`);
      await databases.run('target', `UPDATE pgtrek.lane SET status = 'dropped'`);
      const next = await holdSnapshot(databases);
      await assert.rejects(copy(LANE, [next.snapshot]), { code: 'SNAPSHOT_LOST', message: /given up/ });
      await databases.run(
        'target',
        `INSERT INTO pgtrek.lane (owner, lane, status) VALUES ('${job.owner}', '${NEXT_LANE}', 'loading')`,
      );
      assert.equal((await copy(NEXT_LANE, [next.snapshot])).objects, 1);
      assert.deepEqual(
        await databases.run(
          'target',
          `SELECT encode(lo_get(oid), 'escape') AS text FROM pg_largeobject_metadata`,
        ),
        [{ text: 'ONE' }],
      );
      await next.release();
    });
  });
}

async function newMigration(
  pair: Pair,
  spec: Partial<SpecInput> = {},
): Promise<{ databases: Databases; job: Job }> {
  const databases = await pair.newDatabases();
  await databases.run('target', `GRANT CREATE ON DATABASE ${databases.name} TO mover`);
  const end = { host: 'a', database: 'a', user: 'a' };
  const { servers, name } = databases;
  const job: Job = {
    name: 'objects',
    owner: `owner-of-${name}`,
    spec: parseSpec({ name: 'objects', mode: 'full-load', source: end, target: end, ...spec }),
    servers: {
      ...servers,
      source: { ...servers.source, ...LOGIN },
      target: { ...servers.target, ...LOGIN },
    },
    dataDir: '/nowhere',
  };
  await withTarget(job, 'test', async (target) => {
    await createLedger(target, job.owner, job.name);
    await target.query(`INSERT INTO pgtrek.lane (owner, lane, status) VALUES ($1, $2, 'loading')`, [
      job.owner,
      LANE,
    ]);
  });
  return { databases, job };
}

function withObserver(job: Job, observer: Observer): Job {
  return { ...job, servers: { ...job.servers, observer } };
}

/** Statement by statement: a transaction of all of them holds more locks than a small server has. */
async function runEach({ run }: Databases, sql: string): Promise<void> {
  for (const statement of sql.split(/;\n\s*(?=[A-Z])/)) await run('source', statement);
}

async function giveAll({ run }: Databases): Promise<void> {
  await run(
    'source',
    `DO $$ DECLARE o oid; BEGIN
       FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP
         EXECUTE format('ALTER LARGE OBJECT %s OWNER TO mover', o);
       END LOOP;
     END $$`,
  );
}

async function countOf({ run }: Databases): Promise<Record<string, unknown> | undefined> {
  return (await run('target', 'SELECT count(*)::int AS objects FROM pg_largeobject_metadata'))[0];
}

async function holdSnapshot({ servers }: Databases): Promise<{
  client: pg.Client;
  snapshot: string;
  release: () => Promise<void>;
}> {
  const { host, port, database, user, password } = servers.source;
  const client = new pg.Client({ host, port, database, user, password });
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
  return { client, snapshot: rows[0]?.snapshot ?? '', release: () => client.end() };
}
