/** `npm run bench -- apply`: the same backlog arrives in several ways, in turn. */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { printLines } from '../../cli/output.js';
import { formatCount } from '../../cli/render/format.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import { holdSuite } from '../hold-suite.js';
import type { Suite } from '../hold-suite.js';
import { chooseServers } from '../load/find-tools.js';
import { describePgcopydb } from '../load/pgcopydb.js';
import { query } from '../load/sql.js';
import { openStage } from '../load/stage.js';
import type { Stage } from '../load/stage.js';
import { PeakMemory } from '../peak-memory.js';
import type { ApplyOptions } from '../program.js';
import { rowsOf, writtenRows } from '../rows.js';
import { Standings } from '../standings.js';
import { renderTable } from '../table.js';
import { takeTurns } from '../take-turns.js';
import { isMeasured } from '../verdict.js';
import { absenceOfPgbench, fillTables } from './backlog.js';
import { native, nativeBinary } from './native.js';
import { pgcopydb } from './pgcopydb.js';
import { pgtrek, pgtrekTwoLanes } from './pgtrek.js';
import { TEMPLATE, runOnce } from './run-once.js';
import { APPLY_BASELINE } from './subject.js';
import type { ApplySubject } from './subject.js';

const SUBJECTS = [native, nativeBinary, pgtrek, pgtrekTwoLanes, pgcopydb];

/** Returns the exit code: 0 when every subject that can run here was measured. */
export function runApplySuite(options: ApplyOptions): Promise<number> {
  return holdSuite((suite) => runSuite(suite, options));
}

async function runSuite(suite: Suite, options: ApplyOptions): Promise<number> {
  const { majors, tools } = await chooseServers(options);
  const subjects = SUBJECTS.filter(({ name }) => options.subjects.includes(name));
  const standings = new Standings(subjects, await findAbsences(subjects, tools));
  if (!('reason' in tools) && standings.present().length > 0) {
    const needsPgtrek = standings.present().some((subject) => subject.needsPgtrek);
    const peers = [await describePgcopydb()].filter((peer) => peer !== undefined);
    const stage = await openStage({ ...suite, majors, tools, peers, needsPgtrek });
    printLines([...describe(stage, options), '']);
    await fillTemplate(suite, stage, options);
    await takeTurns(suite, {
      standings,
      runs: options.runs,
      label: 'apply',
      run: (subject, round) => runOnce({ stage, subject, round, options, belongings: suite.belongings }),
    });
  }
  return writeReport(options, standings);
}

async function findAbsences(
  subjects: ApplySubject[],
  tools: ClientTools | { reason: string },
): Promise<Map<ApplySubject['name'], string>> {
  const absences = new Map<ApplySubject['name'], string>();
  for (const { name, absence } of subjects) {
    const reason =
      'reason' in tools ? tools.reason : ((await absenceOfPgbench(tools)) ?? (await absence?.(tools)));
    if (reason !== undefined) absences.set(name, reason);
  }
  return absences;
}

async function fillTemplate(
  { belongings, progress }: Suite,
  { servers, tools }: Stage,
  { scale }: ApplyOptions,
): Promise<void> {
  await query(servers.source.connection(), `CREATE DATABASE ${TEMPLATE}`);
  const source = servers.source.connection(TEMPLATE);
  await progress.step(`filling the tables of pgbench, scale ${scale}`, () =>
    fillTables({ source, tools, belongings, memory: new PeakMemory() }, scale),
  );
}

function describe({ servers, peers }: Stage, { transactions, scale }: ApplyOptions): string[] {
  return [
    `machine   ${cpus().length} cores, load average ${loadavg()[0]?.toFixed(1) ?? '?'} before the first run`,
    `servers   PostgreSQL ${servers.source.major} to ${servers.target.major}, both on this machine`,
    `backlog   ${formatCount(transactions)} transactions of pgbench, scale ${scale}`,
    ...(peers.length > 0 ? [`peers     ${peers.join(', ')}`] : []),
  ];
}

/** Returns the exit code. */
async function writeReport(
  { json, transactions, scale }: ApplyOptions,
  standings: Standings<ApplySubject>,
): Promise<number> {
  const verdicts = standings.verdicts();
  printLines(renderTable(verdicts, { baseline: APPLY_BASELINE }));
  const name = `${transactions} transactions at scale ${scale}`;
  if (json !== undefined)
    await writeFile(
      json,
      writtenRows(rowsOf({ suite: 'apply', case: name, baseline: APPLY_BASELINE, verdicts })),
    );
  return verdicts.some(isMeasured) && verdicts.every(({ kind }) => kind !== 'failed') ? 0 : 1;
}
