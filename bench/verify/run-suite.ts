/** `npm run bench -- verify`: two equal databases are compared in several ways, in turn. */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { printLines } from '../../cli/output.js';
import { formatCount } from '../../cli/render/format.js';
import { embeddedMajors } from '../../dev/cluster.js';
import { holdSuite } from '../hold-suite.js';
import type { Suite } from '../hold-suite.js';
import { chooseMajors, startServers } from '../load/servers.js';
import type { Majors } from '../load/servers.js';
import { query } from '../load/sql.js';
import { watchOwnMemory } from '../own-memory.js';
import type { VerifyOptions } from '../program.js';
import { rowsOf, writtenRows } from '../rows.js';
import { Standings } from '../standings.js';
import { summarize } from '../statistics.js';
import { renderTable } from '../table.js';
import { takeTurns } from '../take-turns.js';
import { isMeasured, secondsByRound } from '../verdict.js';
import { VERIFY_BASELINE, VERIFY_SUBJECTS } from './subject.js';
import type { Ends, VerifySubject } from './subject.js';

/** Returns the exit code: 0 when every subject was measured, and took the databases for equal. */
export function runVerifySuite(options: VerifyOptions): Promise<number> {
  return holdSuite((suite) => runSuite(suite, options));
}

async function runSuite(suite: Suite, options: VerifyOptions): Promise<number> {
  const majors = chooseMajors(options, { installed: embeddedMajors() });
  const servers = await startServers(suite.belongings, { majors });
  const ends: Ends = { source: servers.source.connection(), target: servers.target.connection() };
  const standings = new Standings(
    VERIFY_SUBJECTS.filter(({ name }) => options.subjects.includes(name)),
    new Map(),
  );
  printLines([...describe(majors, options), '']);
  await suite.progress.step(`filling the tables of pgbench, scale ${options.scale}`, () =>
    suite.belongings.await(() => fillTables(ends, options.scale)),
  );
  let rows = 0n;
  await takeTurns(suite, {
    standings,
    runs: options.runs,
    label: 'verify',
    run: async (subject, round) => {
      const memory = watchOwnMemory();
      const begun = performance.now();
      rows = await subject.compare(ends);
      const seconds = (performance.now() - begun) / 1_000;
      return { round, seconds, measures: { 'peak-memory': memory.stop() }, phases: {} };
    },
  });
  return writeReport(options, standings, rows);
}

/** As pgbench makes them, on both ends; what it writes into history too. */
async function fillTables({ source, target }: Ends, scale: number): Promise<void> {
  await Promise.all([source, target].map((end) => query(end, fillSql(scale))));
  for (const end of [source, target]) {
    await query(end, 'VACUUM (FREEZE, ANALYZE)');
    await query(end, 'CHECKPOINT');
  }
}

const fillSql = (scale: number) => `
  CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
  CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
  CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
  CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
  INSERT INTO pgbench_branches SELECT n, 0 FROM generate_series(1, ${scale}) n;
  INSERT INTO pgbench_tellers SELECT n, 1 + n / 10, 0 FROM generate_series(1, ${scale * 10}) n;
  INSERT INTO pgbench_accounts SELECT n, 1 + n / 100000, n % 5000, '' FROM generate_series(1, ${scale * 100_000}) n;
  INSERT INTO pgbench_history SELECT n % 10, n % 3, n, n % 5000, timestamp '2026-12-01' + n * interval '1 ms'
    FROM generate_series(1, ${scale * 10_000}) n`;

function describe(majors: Majors, { scale }: VerifyOptions): string[] {
  return [
    `machine   ${cpus().length} cores, load average ${loadavg()[0]?.toFixed(1) ?? '?'} before the first run`,
    `servers   PostgreSQL ${majors.source} and ${majors.target}, both on this machine`,
    `tables    of pgbench, scale ${scale}, equal on both`,
  ];
}

async function writeReport(
  { json, scale }: VerifyOptions,
  standings: Standings<VerifySubject>,
  rows: bigint,
): Promise<number> {
  const verdicts = standings.verdicts();
  printLines(renderTable(verdicts, { baseline: VERIFY_BASELINE }));
  for (const verdict of verdicts.filter(isMeasured)) {
    const { median } = summarize([...secondsByRound(verdict).values()]);
    printLines([
      `${verdict.subject}: ${formatCount(Math.round(Number(rows) / median))} rows a second, on both ends`,
    ]);
  }
  if (json !== undefined)
    await writeFile(
      json,
      writtenRows(rowsOf({ suite: 'verify', case: `scale ${scale}`, baseline: VERIFY_BASELINE, verdicts })),
    );
  return verdicts.length > 0 && verdicts.every(isMeasured) ? 0 : 1;
}
