/** `npm run bench -- cutover`: the primary changes to the target and back, under clients that write. */
import { loadavg } from 'node:os';
import { absenceOfPgbench } from '../apply/backlog.js';
import { holdSuite } from '../hold-suite.js';
import type { Suite } from '../hold-suite.js';
import { chooseServers } from '../load/find-tools.js';
import { openStage } from '../load/stage.js';
import type { CutoverOptions } from '../program.js';
import { pgbouncer } from './pgbouncer.js';
import { writeReport } from './report.js';
import { runCase } from './run-case.js';
import type { CaseFigures } from './run-case.js';
import { tables } from './tables.js';
import { pgbench } from './tpcb.js';

const CASES = [pgbench, tables, pgbouncer];

/** Returns the exit code: 0 when every case was measured, and no transaction was lost. */
export function runCutoverSuite(options: CutoverOptions): Promise<number> {
  return holdSuite((suite) => runSuite(suite, options));
}

async function runSuite(suite: Suite, options: CutoverOptions): Promise<number> {
  const { majors, tools } = await chooseServers(options);
  if ('reason' in tools) throw new Error(tools.reason);
  const absence = await absenceOfPgbench(tools);
  if (absence !== undefined) throw new Error(absence);
  const stage = await openStage({ ...suite, majors, tools, peers: [], needsPgtrek: true });
  const figures: CaseFigures[] = [];
  for (const chosen of CASES.filter(({ name }) => options.cases.includes(name)))
    figures.push(await runCase(suite, { stage, options, chosen }));
  return writeReport(options, { cases: figures, majors, load: loadavg()[0] ?? 0 });
}
