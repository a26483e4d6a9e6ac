import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Finding } from '../../../contract/findings.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { findOrphans, removeOrphan } from '../../../postgres/orphans.js';
import { holdSession } from '../../harness/held-session.js';
import { readQuirks } from '../../harness/quirks.js';
import type { Expected, Half, Quirk } from '../../harness/quirks.js';
import { startPair } from '../pair.js';
import type { Databases, Pair, ValidateOptions } from '../pair.js';

type End = 'source' | 'target';
const ENDS: End[] = ['source', 'target'];

class Pairs {
  readonly #pairs = new Map<string, Promise<Pair>>();

  /** Started when it is needed first. */
  of(majors: string, { settings }: Half): Promise<Pair> {
    const key = JSON.stringify([majors, settings]);
    const [source = 0, target = 0] = majors.split('>').map(Number);
    const pair =
      this.#pairs.get(key) ??
      startPair({
        source: { major: source, settings: settings.source },
        target: { major: target, settings: settings.target },
      });
    this.#pairs.set(key, pair);
    return pair;
  }

  async remove(): Promise<void> {
    for (const pair of this.#pairs.values()) await (await pair).remove();
  }
}

function hasSettings({ settings }: Half): boolean {
  return ENDS.some((end) => Object.keys(settings[end]).length > 0);
}

/** With PGTREK_FULL all servers that it names, else one: the oldest for every second fixture. */
function isTurn(index: number): (majors: unknown, n: number, all: unknown[]) => boolean {
  return (_, n, { length }) => process.env.PGTREK_FULL === '1' || index % length === n;
}

/** Every fixture on the servers that it names: found in the quirk, not in its twin, and mended by what it prints. */
describe('what validate finds', { concurrency: 3 }, () => {
  const quirks = readQuirks();
  const onAll = quirks.flatMap((quirk, index) =>
    quirk.pairs.filter(isTurn(index)).map((majors) => ({ quirk, majors })),
  );
  for (const from of new Set(onAll.map(({ majors }) => majors.quirk))) {
    describe(`from ${from.replace('>', ' to ')}`, { concurrency: 1 }, () => {
      const shared = new Pairs();
      after(() => shared.remove());
      for (const { quirk, majors } of onAll.filter((each) => each.majors.quirk === from)) {
        it(quirk.name, async () => {
          // Servers with settings of their own are there for one fixture.
          const own = new Pairs();
          const pairOf = (pair: string, half: Half) => (hasSettings(half) ? own : shared).of(pair, half);
          try {
            const pair = await pairOf(majors.quirk, quirk.quirk);
            await withDatabases(pair, quirk.quirk, (servers) => assertQuirk(servers, quirk));
            const other = await pairOf(majors.twin, quirk.twin);
            await withDatabases(other, quirk.twin, ({ databases }) => assertTwin(databases, quirk));
          } finally {
            await own.remove();
          }
        });
      }
    });
  }
});

async function assertTwin(databases: Databases, { findings: expected, twin }: Quirk): Promise<void> {
  const findings = await databases.validate(optionsOf(twin, databases));
  for (const wanted of expected) assert.deepEqual(matching(findings, wanted), []);
}

interface Servers {
  databases: Databases;
  /** Stops and starts it: now, and when what was set there has been taken back. */
  restart: (end: End) => Promise<void>;
}

/** Roles, settings and slots that a fixture makes go with it. */
async function withDatabases(
  pair: Pair,
  half: Half,
  work: (servers: Servers) => Promise<void>,
): Promise<void> {
  const databases = await pair.newDatabases(half.databases);
  const restarted = new Set<End>();
  const restart = async (end: End) => {
    restarted.add(end);
    await pair[end].stop();
    await pair[end].start();
  };
  let session;
  try {
    for (const end of ENDS) await databases.run(end, half.sql[end]);
    if (half.sql.session !== '')
      session = await holdSession(pair.source.connection(databases.name), half.sql.session);
    await work({ databases, restart });
  } finally {
    await session?.close();
    await pair.clear(databases);
    for (const end of restarted) await restart(end);
  }
}

function optionsOf({ spec, users, isOneServer }: Half, { servers }: Databases): ValidateOptions {
  const as = (user: string | undefined) => (user === undefined ? {} : { user, password: user });
  const target = isOneServer ? { ...servers.source, end: 'target' as const, database: 'postgres' } : {};
  return {
    spec,
    source: as(users.source),
    target: { ...target, ...as(users.target) },
    replication: as(users.source),
  };
}

function matching(findings: Finding[], { verdict, id, scope }: Expected): Finding[] {
  return findings.filter(
    (finding) =>
      finding.verdict === verdict && finding.id === id && (scope === '' || finding.scope === scope),
  );
}

async function assertQuirk(servers: Servers, quirk: Quirk): Promise<void> {
  const { databases } = servers;
  const { mended } = quirk;
  const options = optionsOf(quirk.quirk, databases);
  const findings = await databases.validate(options);
  const found = quirk.findings.map((wanted) => {
    const [finding] = matching(findings, wanted);
    assert.ok(finding, `${JSON.stringify(wanted)} is not in ${JSON.stringify(findings, undefined, 1)}`);
    assert.ok(finding.remedy, `no remedy: ${finding.id}`);
    return finding;
  });
  await mend(servers, quirk, found);
  const gone = quirk.findings.filter(({ verdict }) => verdict === 'block' || mended.remedy);
  const mendedOptions = { ...options, spec: { ...options.spec, ...mended.spec } };
  await assertSoon(
    gone,
    (wanted, later) => matching(later, wanted).length === 0,
    () => databases.validate(mendedOptions),
  );
  const undone = found.flatMap(({ fix, restart }) => (fix?.undo && restart !== true ? [fix] : []));
  if (undone.length === 0) return;
  for (const { on, undo = [] } of undone.toReversed())
    for (const statement of undo) await databases.run(on, statement);
  const back = quirk.findings.filter((_, i) => undone.some((fix) => fix === found[i]?.fix));
  await assertSoon(
    back,
    (wanted, later) => matching(later, wanted).length > 0,
    () => databases.validate(options),
  );
}

/** A changed setting takes a moment to reach the server's processes. */
async function assertSoon(
  expected: Expected[],
  holds: (wanted: Expected, findings: Finding[]) => boolean,
  validate: () => Promise<Finding[]>,
): Promise<void> {
  let failing = expected;
  if (failing.length === 0) return;
  await waitUntil(
    async () => {
      const findings = await validate();
      failing = expected.filter((wanted) => !holds(wanted, findings));
      return failing.length === 0;
    },
    { deadlineMs: 5_000 },
  );
  assert.deepEqual(failing, []);
}

async function mend({ databases, restart }: Servers, { mended }: Quirk, findings: Finding[]): Promise<void> {
  const remedies = findings.map(({ remedy = '' }) => remedy);
  // A remedy may leave out what only the user knows: …
  const filledIn = (end: End) => (mended[end] ?? '').replaceAll(':database', databases.name);
  for (const sql of ENDS.map(filledIn))
    assert.ok(
      remedies.some((remedy) => remedy.includes('…') || remedy.includes(sql)),
      `${sql}: ${remedies.join('\n')}`,
    );
  const restarts = new Set<End>();
  for (const finding of findings) {
    const { fix, remedy = '' } = finding;
    if (remedy.startsWith('pgtrek orphans ')) {
      await removeOrphans(databases.servers);
      continue;
    }
    const on = fix?.on ?? (finding.scope.startsWith('target') ? 'target' : 'source');
    for (const statement of fix?.statements ?? (mended.remedy ? statementsOf(remedy) : []))
      await databases.run(on, statement, isOfDatabase(statement) ? 'postgres' : undefined);
    if (finding.restart === true || / restart the server/.test(remedy)) restarts.add(on);
  }
  for (const end of ENDS) if (mended[end]) await databases.run(end, filledIn(end));
  for (const end of restarts) await restart(end);
}

/** What a person would paste, without the comment behind it. */
function statementsOf(remedy: string): string[] {
  return (remedy.split(' -- ')[0] ?? '').split(/(?<=;)\s+/);
}

/** What `pgtrek orphans --remove` does where no workflow runs. */
async function removeOrphans(servers: Databases['servers']): Promise<void> {
  for (const orphan of await findOrphans({ servers, isLive: () => Promise.resolve(false) }))
    await removeOrphan(servers, orphan);
}

function isOfDatabase(statement: string): boolean {
  return /^(CREATE|DROP) DATABASE /.test(statement);
}
