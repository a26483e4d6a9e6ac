/**
 * pgtrek's load without Temporal, by an installed program in a process of its own, as the worker is one: what it takes
 * less than pgtrek-stream is Temporal's share.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { endWithProcess } from '../../dev/end-with-process.js';
import { endProcess } from '../../dev/process.js';
import { ownEnvironment } from '../../dev/worker-process.js';
import { knownMeasures } from '../metrics.js';
import { cpuSecondsOf, cpuSecondsSince, peakResidentBytesOf } from '../process-use.js';
import { engineBeside } from './build-package.js';
import type { EngineOrder } from './engine.js';
import type { EngineWord } from './engine-main.js';
import { specFor } from './pgtrek-spec.js';
import type { Arena, Move, Outcome, Subject } from './subject.js';

export const pgtrekEngine: Subject = {
  name: 'pgtrek-engine',
  needsPgtrek: true,
  prepare: prepareEngine,
};

async function prepareEngine({ pgtrek, belongings, memory, ...arena }: Arena): Promise<Move> {
  if (pgtrek === undefined) throw new Error('pgtrek was not built');
  const engine = await belongings.open(
    () => startEngine(engineBeside(pgtrek)),
    (started) => started.stop(),
  );
  memory.count(engine.pid);
  const { source, target, folder } = arena;
  const order = { spec: specFor('stream', arena), source, target, dataDir: folder };
  return { go: () => measured(engine, order) };
}

async function measured({ pid, load }: Engine, order: EngineOrder): Promise<Outcome> {
  const before = cpuSecondsOf(pid);
  const phases = await load(order);
  const endedAt = Date.now();
  const measures = knownMeasures({
    'worker-peak-memory': peakResidentBytesOf(pid),
    'worker-cpu': cpuSecondsSince(pid, before),
  });
  return { endedAt, measures, phases };
}

interface Engine {
  pid: number;
  /** Returns the seconds of each stage. */
  load: (order: EngineOrder) => Promise<Record<string, number>>;
  stop: () => Promise<void>;
}

// What is under way is thrown away; a tool that it runs is told to end first.
const STOP_DEADLINE_MS = 4_000;

async function startEngine(program: string): Promise<Engine> {
  const child = fork(program, {
    env: ownEnvironment(),
    // Without tsx, which this process runs by.
    execArgv: [],
    // Ctrl-C reaches us only.
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} cannot be run`);
  const forget = endWithProcess(() => child.kill('SIGKILL'));
  const stop = async () => {
    await endProcess(pid, 'SIGTERM', STOP_DEADLINE_MS);
    forget();
  };
  const load = async (order: EngineOrder) => {
    child.send(order);
    const word = await nextWord(child);
    if (word === 'ready') throw new Error('the load has not begun');
    if ('error' in word) throw new Error(word.error);
    return word.phases;
  };
  try {
    await nextWord(child);
    return { pid, load, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function nextWord(child: ChildProcess): Promise<EngineWord> {
  const heard = new AbortController();
  const { signal } = heard;
  const ends = async () => {
    const [code, killedBy] = (await once(child, 'exit', { signal })) as [number | null, string | null];
    throw new Error(`the load's process has ended: ${killedBy ?? `exit code ${code}`}`);
  };
  try {
    const [word] = (await Promise.race([once(child, 'message', { signal }), ends()])) as [EngineWord];
    return word;
  } finally {
    heard.abort();
  }
}
