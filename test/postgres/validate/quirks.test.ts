import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Finding } from '../../../contract/findings.js';
import { readQuirks } from '../../harness/quirks.js';
import type { Expected, Half, Quirk } from '../../harness/quirks.js';
import { startPair } from '../pair.js';
import type { Databases, Pair, ValidateOptions } from '../pair.js';

/** Every fixture on the servers that it names: found in the quirk, not in its twin, and mended by what it prints. */
describe('what validate finds', () => {
  const pairs = new Map<string, Promise<Pair>>();
  after(async () => {
    for (const pair of pairs.values()) await (await pair).remove();
  });

  function pairFor(majors: string, { settings }: Half): Promise<Pair> {
    const key = JSON.stringify([majors, settings]);
    const [source = 0, target = 0] = majors.split('>').map(Number);
    const pair =
      pairs.get(key) ??
      startPair({
        source: { major: source, settings: settings.source },
        target: { major: target, settings: settings.target },
      });
    pairs.set(key, pair);
    return pair;
  }

  for (const quirk of readQuirks()) {
    for (const majors of quirk.pairs) {
      it(`${quirk.name}, ${majors.replace('>', ' to ')}`, async () => {
        const pair = await pairFor(majors, quirk.quirk);
        await withDatabases(pair, quirk.quirk, (databases) => assertQuirk(databases, quirk, pair));
        await withDatabases(await pairFor(majors, quirk.twin), quirk.twin, async (databases) => {
          const findings = await databases.validate(optionsOf(quirk.twin));
          for (const wanted of quirk.findings) assert.deepEqual(matching(findings, wanted), []);
        });
      });
    }
  }
});

/** Roles, settings and slots that a fixture makes go with it. */
async function withDatabases(
  pair: Pair,
  { sql }: Half,
  work: (databases: Databases) => Promise<void>,
): Promise<void> {
  const databases = await pair.newDatabases();
  try {
    for (const end of ['source', 'target'] as const) await databases.run(end, sql[end]);
    await work(databases);
  } finally {
    await pair.clear(databases);
  }
}

function optionsOf({ spec, users }: Half): ValidateOptions {
  const as = (user: string | undefined) => (user === undefined ? {} : { user, password: user });
  return { spec, source: as(users.source), target: as(users.target), replication: as(users.source) };
}

function matching(findings: Finding[], { verdict, id, scope }: Expected): Finding[] {
  return findings.filter(
    (finding) =>
      finding.verdict === verdict && finding.id === id && (scope === '' || finding.scope === scope),
  );
}

function inDatabase(sql: string | undefined, { name }: Databases): string | undefined {
  return sql?.replaceAll(':database', name);
}

async function assertQuirk(
  databases: Databases,
  { findings: expected, mended, quirk }: Quirk,
  pair: Pair,
): Promise<void> {
  const options = optionsOf(quirk);
  const findings = await databases.validate(options);
  for (const wanted of expected) {
    const [finding] = matching(findings, wanted);
    assert.ok(finding, `${JSON.stringify(wanted)} is not in ${JSON.stringify(findings, undefined, 1)}`);
    assert.ok(finding.remedy, `no remedy: ${finding.id}`);
    for (const end of ['source', 'target'] as const) {
      const sql = inDatabase(mended[end], databases);
      // A remedy may leave out what only the user knows: …
      if (sql !== undefined && !finding.remedy.includes('…'))
        assert.ok(finding.remedy.includes(sql), finding.remedy);
    }
    const { fix } = finding;
    if (!fix) continue;
    for (const statement of fix.statements) await databases.run(fix.on, statement);
    if (!finding.restart) continue;
    await pair[fix.on].stop();
    await pair[fix.on].start();
  }
  for (const end of ['source', 'target'] as const) {
    const sql = inDatabase(mended[end], databases);
    if (sql !== undefined) await databases.run(end, sql);
  }
  if (!expected.some(({ verdict }) => verdict === 'block')) return;
  const later = await databases.validate({ ...options, spec: { ...options.spec, ...mended.spec } });
  for (const wanted of expected.filter(({ verdict }) => verdict === 'block'))
    assert.deepEqual(matching(later, wanted), []);
}
