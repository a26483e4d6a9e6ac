/** One run of one subject: a replica of a new database, held while the backlog is written, and the time that it takes. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatCount, formatDuration } from '../../cli/render/format.js';
import { Belongings } from '../../dev/belongings.js';
import { clearAway } from '../load/clear-away.js';
import { assertSameFacts } from '../load/facts.js';
import { query } from '../load/sql.js';
import type { Stage } from '../load/stage.js';
import type { Arena } from '../load/subject.js';
import { PeakMemory } from '../peak-memory.js';
import type { ApplyOptions } from '../program.js';
import type { Run } from '../verdict.js';
import { countArrived, hasArrived, readSums, writeBacklog } from './backlog.js';
import type { ApplySubject, Replica } from './subject.js';

/** Filled once; every run has a copy of it as its source. */
export const TEMPLATE = 'bench_template';
const SOURCE = 'bench';
const TARGET = 'bench_target';

export interface RunOnce {
  stage: Stage;
  subject: ApplySubject;
  round: number;
  options: Pick<ApplyOptions, 'transactions' | 'deadline'>;
  /** Of the suite: ends the run with it. */
  belongings: Belongings;
}

/** Throws where the target is not equal in the end, or not in time: then with how far it came. */
export async function runOnce({ stage, subject, round, options, belongings }: RunOnce): Promise<Run> {
  const own = new Belongings();
  const givenUp = new AbortController();
  const endAll = async () => {
    givenUp.abort();
    for (const failure of await own.closeAll()) console.error(failure);
  };
  await belongings.open(async () => own, endAll);
  const { servers } = stage;
  const [source, target] = [servers.source.connection(SOURCE), servers.target.connection(TARGET)];
  const folder = join(stage.folder, 'run');
  const memory = new PeakMemory();
  const arena: Arena = { ...stage, source, target, folder, memory, belongings: own, signal: givenUp.signal };
  await mkdir(folder);
  try {
    await query(servers.source.connection(), `CREATE DATABASE ${SOURCE} TEMPLATE ${TEMPLATE}`);
    await query(servers.target.connection(), `CREATE DATABASE ${TARGET}`);
    const replica = await prepareBacklog(arena, { subject, transactions: options.transactions });
    memory.start();
    const seconds = await measure(arena, replica, options);
    const peak = memory.stop();
    assertSameFacts(await readSums(target), await readSums(source));
    return { round, seconds, measures: peak === undefined ? {} : { 'peak-memory': peak }, phases: {} };
  } finally {
    memory.stop();
    await endAll();
    await rm(folder, { recursive: true, force: true });
    await clearAway({ source, target: servers.target, targetDatabase: TARGET });
    await query(servers.source.connection(), `DROP DATABASE ${SOURCE} WITH (FORCE)`);
  }
}

// A first copy of some tables, or the backlog, takes less on any machine.
const PREPARE_MINUTES = 10;

async function prepareBacklog(
  arena: Arena,
  { subject, transactions }: { subject: ApplySubject; transactions: number },
): Promise<Replica> {
  return within(PREPARE_MINUTES, 'the replica and its backlog were not ready', async () => {
    const replica = await subject.prepare(arena);
    await replica.hold();
    await writeBacklog(arena, transactions);
    await Promise.all([arena.source, arena.target].map((end) => query(end, 'CHECKPOINT')));
    return replica;
  });
}

/** Seldom enough to cost nothing, and often enough for a figure with tenths of a second. */
const LOOK_EVERY_MS = 50;

async function measure(
  { target, signal }: Arena,
  replica: Replica,
  { transactions, deadline }: RunOnce['options'],
): Promise<number> {
  const begun = performance.now();
  const endsBy = begun + deadline * 60_000;
  let failure: Error | undefined;
  replica.letGo().catch((error: unknown) => {
    failure = error instanceof Error ? error : new Error(String(error));
  });
  while (!(await hasArrived(target, transactions))) {
    if (failure !== undefined || performance.now() > endsBy) {
      const arrived = `${formatCount(await countArrived(target))} of ${formatCount(transactions)} transactions had arrived`;
      if (failure === undefined) throw new Error(`${arrived} after ${formatDuration(deadline * 60_000)}`);
      throw new Error(`${arrived} when it failed: ${failure.message}`, { cause: failure });
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  return (performance.now() - begun) / 1_000;
}

async function within<T>(minutes: number, otherwise: string, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${minutes} minutes`)), minutes * 60_000);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
