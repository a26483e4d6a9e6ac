/** A PgBouncer in front of both primaries: its clients wait, are pointed at the new one, and go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../contract/cutover.js';
import { PgtrekError } from '../contract/errors.js';
import { messageOf } from '../postgres/classify-error.js';
import type { ConsoleOptions, PgBouncerConsole, PooledDatabase } from '../postgres/pgbouncer.js';
import { withConsole } from '../postgres/pgbouncer.js';

export interface PooledClients extends ConsoleOptions {
  /** As its clients name it. */
  database: string;
  from: Address;
  to: Address;
  /** Runs the command that changes PgBouncer's files. */
  retarget: () => Promise<void>;
  /** What this process knows of it, from one call to the next. */
  memory: PooledMemory;
}

export interface PooledMemory {
  /** Where it pointed when the clients were paused. */
  seen?: Address;
  /** The command has pointed it at the new primary. */
  retargeted?: boolean;
}

/** Its files may come to it by a detour: so often is looked whether they have. */
const LOOK_EVERY_MS = 50;

/** Until no client's transaction runs; when that takes too long they go on, and it throws. */
export async function pauseClients(pooled: PooledClients): Promise<string> {
  const { database, memory } = pooled;
  let isSaid = false;
  try {
    return await withConsole(pooled, async (console) => {
      const { paused, ...address } = await findDatabase(pooled, console);
      memory.seen = address;
      isSaid = true;
      // A PAUSE that was cut off has set the mark, and transactions may still run: it is said again.
      await console.pause(database);
      return `${database} ${paused ? 'was paused already' : 'is paused'}`;
    });
  } catch (error) {
    throw isSaid ? await takeBack(pooled, error) : error;
  }
}

/** Whoever was made to wait must not wait for a cutover that does not come; its signal may be what ended it. */
async function takeBack(pooled: PooledClients, error: unknown): Promise<Error> {
  const goOn = await resumeClients({ ...pooled, signal: AbortSignal.timeout(pooled.timeoutMs) }).then(
    () => 'its clients go on',
    () => `its clients may be waiting: RESUME ${pooled.database}`,
  );
  const retryable = error instanceof PgtrekError && error.retryable;
  return new PgtrekError('HOOK_FAILED', `${messageOf(error)} ${goOn}`, { cause: error, retryable });
}

/**
 * Points it at the new primary and lets the clients go on; in any process, and again. Where it still points at the old one its clients
 * stay paused: there they would write past the lanes.
 */
export async function openClients(pooled: PooledClients): Promise<string> {
  const { database, memory } = pooled;
  return withConsole(pooled, async (console) => {
    const before = await findDatabase(pooled, console);
    if (!memory.retargeted) await pooled.retarget();
    memory.retargeted = true;
    const now = await reloadUntil(pooled, console, (address) => isNew(pooled, address));
    if (before.paused) await console.resume(database);
    else await console.waitClose(database);
    return `${database} points at ${describe(now)}`;
  });
}

/** In a process that has not seen it pause, any address but the old primary's is the new one: an attempt that died may have set it. */
function isNew({ from, to, memory: { seen } }: PooledClients, address: Address): boolean {
  return equals(address, to) || !equals(address, seen ?? from);
}

/** Takes back whatever was done to it, by any process. */
export async function resumeClients(pooled: PooledClients): Promise<string> {
  const { database, from, to, memory } = pooled;
  return withConsole(pooled, async (console) => {
    const { paused, ...address } = await findDatabase(pooled, console);
    const isAhead = equals(address, to) && !equals(address, from);
    if (memory.retargeted || isAhead) {
      await pooled.retarget();
      memory.retargeted = false;
      await reloadUntil(pooled, console, (now) => !equals(now, to));
    }
    if (paused) await console.resume(database);
    return `${database} ${paused ? 'goes on' : 'was not paused'}`;
  });
}

async function findDatabase(
  { database, endpoint }: PooledClients,
  console: PgBouncerConsole,
): Promise<PooledDatabase> {
  const found = await console.database(database);
  if (found) return found;
  throw new PgtrekError(
    'HOOK_FAILED',
    `PgBouncer at ${endpoint.host}:${endpoint.port} has no database ${database}.`,
  );
}

/** RELOAD until the database points where it should. Throws HOOK_FAILED when that does not come. */
async function reloadUntil(
  pooled: PooledClients,
  console: PgBouncerConsole,
  isRight: (address: Address) => boolean,
): Promise<Address> {
  const deadline = performance.now() + pooled.timeoutMs;
  for (;;) {
    await console.reload();
    const { paused, ...address } = await findDatabase(pooled, console);
    if (isRight(address)) return address;
    if (performance.now() > deadline)
      throw new PgtrekError(
        'HOOK_FAILED',
        `${pooled.database} still points at ${describe(address)} after its retarget command and RELOAD${paused ? ', and its clients wait' : ''}.`,
      );
    await sleep(LOOK_EVERY_MS, undefined, { signal: pooled.signal });
  }
}

function equals(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port && one.database === other.database;
}

function describe({ host, port, database }: Address): string {
  return `${host}:${port}/${database}`;
}
