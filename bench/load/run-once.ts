/** One run of one subject: a new target database, the measured time, the check of the result, and all away again. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatDuration } from '../../cli/render/format.js';
import { Belongings } from '../../dev/belongings.js';
import { PeakMemory } from '../peak-memory.js';
import type { Run } from '../verdict.js';
import { clearAway } from './clear-away.js';
import { assertSameFacts, readFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Servers } from './servers.js';
import { query } from './sql.js';
import type { Move, Subject } from './subject.js';

const TARGET_DATABASE = 'bench_target';

export interface RunOnce {
  scene: Scene;
  subject: Subject;
  round: number;
  /** What takes longer hangs: it is ended, and has failed. */
  deadlineMs: number;
  /** Of the suite: ends the run with it. */
  belongings: Belongings;
}

/** Throws where the result is wrong, or the run did not come to its end. */
export async function runOnce({ scene, subject, round, deadlineMs, belongings }: RunOnce): Promise<Run> {
  const { servers, source } = scene;
  const own = new Belongings();
  const givenUp = new AbortController();
  const endAll = async () => {
    givenUp.abort();
    for (const failure of await own.closeAll()) console.error(failure);
  };
  await belongings.open(async () => own, endAll);
  const folder = join(scene.folder, 'run');
  await mkdir(folder);
  await query(servers.target.connection(), `CREATE DATABASE ${TARGET_DATABASE}`);
  const memory = new PeakMemory();
  try {
    const target = servers.target.connection(TARGET_DATABASE);
    const arena = { ...scene, target, folder, memory, belongings: own, signal: givenUp.signal };
    const move = await subject.prepare(arena);
    await checkpoint(servers);
    memory.start();
    const { seconds, measures, phases } = await measure(move, deadlineMs);
    const peak = memory.stop();
    assertSameFacts(await readFacts(target), scene.facts);
    await move.end?.();
    return {
      round,
      seconds,
      measures: { ...(peak === undefined ? {} : { 'peak-memory': peak }), ...measures },
      phases,
    };
  } finally {
    memory.stop();
    await endAll();
    await rm(folder, { recursive: true, force: true });
    await clearAway({ source, target: servers.target, targetDatabase: TARGET_DATABASE });
  }
}

/** So that no side pays for what was written before it. */
async function checkpoint({ source, target }: Servers): Promise<void> {
  await Promise.all([source, target].map((cluster) => query(cluster.connection(), 'CHECKPOINT')));
}

async function measure(move: Move, deadlineMs: number): Promise<Omit<Run, 'round'>> {
  const begun = Date.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`it did not end within ${formatDuration(deadlineMs)}`);
    timer = setTimeout(() => reject(error), deadlineMs);
  });
  try {
    const { endedAt = Date.now(), measures = {}, phases = {} } = await Promise.race([move.go(), late]);
    return { seconds: (endedAt - begun) / 1_000, measures, phases };
  } finally {
    clearTimeout(timer);
  }
}
