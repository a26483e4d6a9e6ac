/** `npm run demo`: a database moves between two real servers while it is written to, and the result is proved. */
import { setTimeout as sleep } from 'node:timers/promises';
import { printJson, terminalOf } from '../cli/output.js';
import { formatBytes } from '../cli/render/format.js';
import type { MigrationState, SpecInput } from '../client/index.js';
import { Belongings } from './belongings.js';
import { Interrupted, catchInterrupt } from './interrupt.js';
import type { Interrupt } from './interrupt.js';
import { describeKept } from './demo/keep.js';
import { createNarrator } from './demo/narrator.js';
import type { Narrator } from './demo/narrator.js';
import { judge, renderResult } from './demo/result.js';
import { readBalance, readDatabaseSize } from './demo/sample-facts.js';
import { DATABASE, chooseMajors, connectTo, specFor, startServers } from './demo/servers.js';
import type { DemoServers, Majors } from './demo/servers.js';
import { showMigration } from './demo/show.js';
import { startWorkerProcess } from './worker-process.js';
import type { WorkerProcess } from './worker-process.js';
import { createOracle } from './oracle.js';
import type { Oracle } from './oracle.js';
import { fillSample } from './sample.js';
import { startWriter } from './writer.js';
import type { Writer } from './writer.js';

export interface DemoOptions {
  /** Leaves everything running after the proof, until Ctrl-C. */
  keep: boolean;
  /** Size of the database, as fillSample takes it. */
  factor: number;
  /** One JSON document on stdout at the end; all else goes to stderr. */
  json: boolean;
}

/** Returns the exit code: 0 when the result is exact, 1 when not. However it ends, nothing is left running. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const narrator = createNarrator(options);
  const belongings = new Belongings();
  const interrupt = catchInterrupt();
  const own = { options, narrator, belongings };
  try {
    const { scene, isExact } = await Promise.race([play(own), interrupt.happens]);
    if (options.keep) await keep(own, scene, interrupt);
    return isExact ? 0 : 1;
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    throw error;
  } finally {
    narrator.say(['']);
    const failures = await narrator.step('Ending and removing everything', () => belongings.closeAll());
    for (const failure of failures) console.error(failure);
    interrupt.forget();
  }
}

interface Play {
  options: DemoOptions;
  narrator: Narrator;
  belongings: Belongings;
}

async function play(own: Play): Promise<{ scene: Scene; isExact: boolean }> {
  const { options, narrator } = own;
  const begun = performance.now();
  const majors = await chooseMajors();
  narrator.say([
    `pgtrek moves a live database from PostgreSQL ${majors.source} to ${majors.target}, and proves that the copy is exact.`,
    '',
  ]);
  const scene = await setUp(own, majors);
  const state = await migrate(own, scene);
  const result = await prove(own, scene, state);
  const told = { ...result, seconds: Math.round((performance.now() - begun) / 100) / 10 };
  if (options.json) printJson(told);
  narrator.say(renderResult(told, terminalOf(narrator.stream)));
  return { scene, isExact: result.exact };
}

interface Scene {
  majors: Majors;
  servers: DemoServers;
  worker: WorkerProcess;
  oracle: Oracle;
  writer: Writer;
  /** The sum of all accounts before the writer began. */
  balance: string;
  spec: SpecInput;
}

/** Transactions a second: a few hundred are a busy shop, and leave two cores room for all the rest. */
const WRITER_RATE = 300;

async function setUp({ options, narrator, belongings }: Play, majors: Majors): Promise<Scene> {
  const { say, step } = narrator;
  const servers = await step(
    `Starting a Temporal server, PostgreSQL ${majors.source} (source) and ${majors.target} (target)`,
    () => startServers(belongings, majors),
  );
  const source = servers.source.connection(DATABASE);
  const fillingSince = performance.now();
  await step(`Filling the source database "${DATABASE}", a DVD rental shop`, () =>
    belongings.await(() => fillSample(source, { factor: options.factor })),
  );
  const fillMs = performance.now() - fillingSince;
  const balance = await readBalance(source);
  const size = formatBytes(await readDatabaseSize(source));
  // While nobody writes: it must know the source as it is before the first change.
  const oracle = await step(`Copying its ${size} aside, for the proof at the end`, () =>
    belongings.await(() => createOracle({ source })),
  );
  const worker = await step('Starting a worker', () =>
    belongings.open(
      () => startWorker(servers),
      (process) => process.stop(),
    ),
  );
  say([`Starting a writer on the source: ${WRITER_RATE} transactions a second until the demo ends`]);
  const writer = await belongings.open(
    async () => startWriter({ connection: source, rate: WRITER_RATE }),
    (started) => started.stop(),
  );
  const stopAt = new Date(Date.now() + stopAhead(fillMs));
  return { majors, servers, worker, oracle, writer, balance, spec: specFor(servers, stopAt) };
}

// Enough for the load, and to watch replication for a while.
const STOP_AHEAD_MS = 30_000;

/** Filling writes the same rows and indexes as the load will, so it tells how long that takes on this machine. */
function stopAhead(fillMs: number): number {
  return Math.max(STOP_AHEAD_MS, STOP_AHEAD_MS / 2 + 2 * fillMs);
}

function startWorker({ temporal, source, target }: DemoServers): Promise<WorkerProcess> {
  return startWorkerProcess({
    address: temporal.address,
    namespace: temporal.namespace,
    passwords: { SOURCE_PASSWORD: source.password, TARGET_PASSWORD: target.password },
  });
}

async function migrate({ narrator, belongings }: Play, scene: Scene): Promise<MigrationState> {
  const { servers, spec, majors, writer, worker } = scene;
  const pgtrek = await connectTo(belongings, servers);
  const watching = new AbortController();
  await belongings.open(
    async () => watching,
    async (controller) => controller.abort(),
  );
  narrator.say(['Starting the migration', '']);
  const migration = await pgtrek.start(spec);
  const showing = showMigration({
    narrator,
    migration,
    writer,
    uiUrl: migrationPage(servers),
    ends: { source: `PostgreSQL ${majors.source}`, target: `PostgreSQL ${majors.target}` },
    signal: watching.signal,
  });
  const { state } = await Promise.race([showing, worker.diesEarly]);
  if (state.status === 'completed') return state;
  throw new Error(`the migration is ${state.status}${state.blocked ? `: ${state.blocked.message}` : ''}`);
}

// So that there is something on the source that must not be on the target.
const WRITE_ON_MS = 1_000;

async function prove(own: Play, scene: Scene, state: MigrationState): Promise<ReturnType<typeof judge>> {
  const { servers, oracle, writer, balance, majors } = scene;
  const target = servers.target.connection(DATABASE);
  const marker = markerOf(state);
  own.narrator.say(['']);
  await sleep(WRITE_ON_MS);
  const proof = await own.narrator.step('Comparing the target with the source as of the stop', () =>
    own.belongings.await(() => oracle.verify({ target, marker })),
  );
  const evidence = { state, proof, writer: writer.report(), servers: majors };
  return judge({ ...evidence, balance: { before: balance, target: await readBalance(target) } });
}

function markerOf(state: MigrationState): { lane: string; id: string } {
  const report = state.stop?.report;
  const lane = report?.lanes[0]?.lane;
  if (!report || !lane) throw new Error('the migration reports no stop');
  return { lane, id: report.marker };
}

/** Until Ctrl-C, which is then no reason to fail. */
async function keep({ narrator, belongings }: Play, scene: Scene, interrupt: Interrupt): Promise<void> {
  const { servers, oracle, spec, worker } = scene;
  // Its slot would hold back the source's log for as long.
  await belongings.await(() => oracle.drop());
  narrator.say(await describeKept(servers, { spec, folder: worker.folder, uiUrl: migrationPage(servers) }));
  const untilInterrupt = interrupt.happens.catch((error: unknown) => {
    if (!(error instanceof Interrupted)) throw error;
  });
  await Promise.race([worker.diesEarly, untilInterrupt]);
}

function migrationPage({ temporal }: DemoServers): string {
  return `${temporal.uiUrl ?? ''}/namespaces/${temporal.namespace}/workflows/pgtrek-${DATABASE}`;
}
