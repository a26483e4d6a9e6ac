/** One run of one subject: a new target database, the measured time, the check of the result, and all away again. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
  /** Of the suite: ends the run with it. */
  belongings: Belongings;
}

/** Throws where the result is wrong, or the run did not come to its end. */
export async function runOnce({ scene, subject, round, belongings }: RunOnce): Promise<Run> {
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
    const move = await subject.prepare({
      ...scene,
      target,
      folder,
      memory,
      belongings: own,
      signal: givenUp.signal,
    });
    await checkpoint(servers);
    memory.start();
    const seconds = await timeOf(move);
    const peakBytes = memory.stop();
    assertSameFacts(await readFacts(target), scene.facts);
    await move.end?.();
    return { round, seconds, ...(peakBytes === undefined ? {} : { peakBytes }) };
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

// The full set takes about a minute on two cores: what takes this long hangs.
const DEADLINE_MS = 60 * 60_000;

async function timeOf(move: Move): Promise<number> {
  const begun = Date.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it did not end within an hour')), DEADLINE_MS);
  });
  try {
    const endedAt = await Promise.race([move.go(), late]);
    return ((endedAt ?? Date.now()) - begun) / 1_000;
  } finally {
    clearTimeout(timer);
  }
}
