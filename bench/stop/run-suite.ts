/** `npm run bench -- stop`: one migration under a writer is stopped at planned times, and resumed. */
import { loadavg } from 'node:os';
import { createOracle } from '../../dev/oracle.js';
import { fillSample } from '../../dev/sample.js';
import { startWriter } from '../../dev/writer.js';
import { holdSuite } from '../hold-suite.js';
import type { Suite } from '../hold-suite.js';
import { chooseServers } from '../load/find-tools.js';
import { query } from '../load/sql.js';
import { openStage } from '../load/stage.js';
import type { Stage } from '../load/stage.js';
import type { StopOptions } from '../program.js';
import { measureStop, openMigration } from './migration.js';
import type { OneStop } from './migration.js';
import { writeReport } from './report.js';

/** Returns the exit code: 0 when every stop was measured, and the target is exactly where the last one stands. */
export function runStopSuite(options: StopOptions): Promise<number> {
  return holdSuite((suite) => runSuite(suite, options));
}

// Tells when a transaction was committed, to the microsecond.
export const SETTINGS = { track_commit_timestamp: 'on' };

async function runSuite(suite: Suite, options: StopOptions): Promise<number> {
  const { majors, tools } = await chooseServers(options);
  if ('reason' in tools) throw new Error(tools.reason);
  const stage = await openStage({
    ...suite,
    majors,
    tools,
    peers: [],
    needsPgtrek: true,
    settings: SETTINGS,
  });
  const stops = await measureStops(suite, { stage, options });
  return writeReport(options, { ...stops, majors });
}

export async function measureStops(
  { belongings, progress, signal }: Suite,
  { stage, options }: { stage: Stage; options: StopOptions },
): Promise<{ stops: OneStop[]; writtenPerSecond: number; load: number; problems: string[] }> {
  const ends = await createDatabases(stage);
  await progress.step('filling the source database', () => belongings.await(() => fillSample(ends.source)));
  const oracle = await belongings.await(() => createOracle({ source: ends.source }));
  const migration = await progress.step('loading, until changes follow', () =>
    openMigration({ ...ends, belongings, signal, pgtrek: stage.pgtrek, lanes: options.lanes }),
  );
  const { sessions: connections, rate } = options;
  const writer = await belongings.open(
    async () => startWriter({ connection: ends.source, connections, rate }),
    (started) => started.stop(),
  );
  const begun = performance.now();
  const stops: OneStop[] = [];
  for (let run = 1; run <= options.runs; run++) {
    if (run > 1) await migration.resume();
    const stop = await measureStop(migration, { source: ends.source, signal });
    stops.push(stop);
    progress.say(
      `run ${run} of ${options.runs}: ${stop.overshootMs} ms late, stood ${stop.stoodMs} ms later`,
    );
  }
  const seconds = (performance.now() - begun) / 1_000;
  const [load = 0] = loadavg();
  const { committed } = await writer.stop();
  const marker = stops.at(-1)?.marker;
  if (marker === undefined) throw new Error('there was no stop');
  const { problems } = await progress.step('comparing the target with the source as of the last stop', () =>
    belongings.await(() => oracle.verify({ target: ends.target, marker })),
  );
  return { stops, writtenPerSecond: committed / seconds, load, problems };
}

async function createDatabases({ servers }: Stage) {
  await query(servers.source.connection(), 'CREATE DATABASE bench');
  await query(servers.target.connection(), 'CREATE DATABASE bench_target');
  return { source: servers.source.connection('bench'), target: servers.target.connection('bench_target') };
}
