/** `npm run bench -- validate`: how long validate looks at databases of many tables, and what memory it takes. */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { printLines } from '../../cli/output.js';
import { formatBytes } from '../../cli/render/format.js';
import { embeddedMajors } from '../../dev/cluster.js';
import { holdSuite } from '../hold-suite.js';
import type { Suite } from '../hold-suite.js';
import { chooseMajors, startServers } from '../load/servers.js';
import type { Majors, Servers } from '../load/servers.js';
import { query } from '../load/sql.js';
import { watchOwnMemory } from '../own-memory.js';
import type { ValidateOptions } from '../program.js';
import { rowsOf, writtenRows } from '../rows.js';
import { Standings } from '../standings.js';
import { renderPhases, renderTable } from '../table.js';
import { takeTurns } from '../take-turns.js';
import { isMeasured, measureOf } from '../verdict.js';
import type { Measured } from '../verdict.js';
import { VALIDATE_SUBJECTS, validateOnce } from './subject.js';
import type { ValidateSubject } from './subject.js';
import { makeTables } from './tables.js';

/** Returns the exit code: 0 when every subject was measured. */
export function runValidateSuite(options: ValidateOptions): Promise<number> {
  return holdSuite((suite) => runSuite(suite, options));
}

const FILLED = 'filled';

async function runSuite(suite: Suite, options: ValidateOptions): Promise<number> {
  const majors = chooseMajors(options, { installed: embeddedMajors() });
  const servers = await startServers(suite.belongings, { majors });
  const standings = new Standings(
    VALIDATE_SUBJECTS.filter(({ name }) => options.subjects.includes(name)),
    new Map(),
  );
  printLines([...describe(majors, options), '']);
  await suite.progress.step(`making ${options.tables} tables on both servers`, () =>
    suite.belongings.await(() => makeDatabases(servers, options.tables)),
  );
  await takeTurns(suite, {
    standings,
    runs: options.runs,
    label: 'validate',
    run: async (subject, round) => {
      const memory = watchOwnMemory();
      const begun = performance.now();
      const validating = validateOnce(endsOf(servers, subject), subject);
      const peak = validating.then(memory.stop, memory.stop);
      const { statements, slowest } = await validating;
      const seconds = (performance.now() - begun) / 1_000;
      return { round, seconds, measures: { 'peak-memory': await peak, statements }, phases: slowest };
    },
  });
  return writeReport(options, standings);
}

function endsOf({ source, target }: Servers, { isFilled }: ValidateSubject) {
  return { source: source.connection(), target: target.connection(isFilled ? FILLED : undefined) };
}

async function makeDatabases({ source, target }: Servers, tables: number): Promise<void> {
  await query(target.connection(), `CREATE DATABASE ${FILLED}`);
  await Promise.all([makeTables(source.connection(), tables), makeTables(target.connection(FILLED), tables)]);
  for (const server of [source, target]) await query(server.connection(), 'CHECKPOINT');
}

function describe(majors: Majors, { tables }: ValidateOptions): string[] {
  return [
    `machine   ${cpus().length} cores, load average ${loadavg()[0]?.toFixed(1) ?? '?'} before the first run`,
    `servers   PostgreSQL ${majors.source} and ${majors.target}, both on this machine`,
    `tables    ${tables}, each with a primary key and an index, every tenth with a foreign key, every hundredth with two partitions`,
  ];
}

/** For 10,000 tables. */
const TARGETS = { seconds: 30, bytes: 300e6 };

async function writeReport(
  { json, tables }: ValidateOptions,
  standings: Standings<ValidateSubject>,
): Promise<number> {
  const verdicts = standings.verdicts();
  const measured = verdicts.filter(isMeasured);
  const [first] = VALIDATE_SUBJECTS;
  const baseline = first?.name ?? '';
  printLines([
    ...renderTable(verdicts, { baseline }),
    ...measured.map(
      (verdict) =>
        `${verdict.subject}: ${measureOf(verdict, 'statements') ?? 0} statements, ${judge(verdict)}`,
    ),
    ...renderPhases(verdicts),
  ]);
  if (json !== undefined)
    await writeFile(
      json,
      writtenRows(rowsOf({ suite: 'validate', case: `${tables} tables`, baseline, verdicts })),
    );
  return verdicts.length > 0 && verdicts.every(isMeasured) ? 0 : 1;
}

function judge(verdict: Measured): string {
  const slowest = Math.max(...verdict.runs.map(({ seconds }) => seconds));
  const isReached =
    slowest < TARGETS.seconds && (measureOf(verdict, 'peak-memory') ?? Infinity) < TARGETS.bytes;
  return `within ${TARGETS.seconds} s and ${formatBytes(TARGETS.bytes)}: ${isReached ? 'reached' : 'missed'}`;
}
