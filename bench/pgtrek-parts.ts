/** pgtrek as a user runs it: a Temporal server, an installed worker in a process of its own, and the library. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { connect } from '../client/index.js';
import type { Migration, MigrationState, Pgtrek } from '../client/index.js';
import type { Belongings } from '../dev/belongings.js';
import type { ClusterConnection } from '../dev/cluster.js';
import { startTemporalServer } from '../dev/temporal-server.js';
import { startWorkerProcess } from '../dev/worker-process.js';

export interface PgtrekParts {
  pgtrek: Pgtrek;
  connection: Connection;
  namespace: string;
  workerPid: number;
  temporalPid: number;
  /** Rejects when the worker ends before it is told to. */
  diesEarly: Promise<never>;
}

export interface PartsOptions {
  source: ClusterConnection;
  target: ClusterConnection;
  /** cli/main.js of the installed pgtrek; undefined where it was not built. */
  pgtrek: string | undefined;
  belongings: Belongings;
  /** More variables of the worker. */
  environment?: Record<string, string>;
}

export async function startParts(options: PartsOptions): Promise<PgtrekParts> {
  const { source, target, belongings, pgtrek: main, environment } = options;
  if (main === undefined) throw new Error('pgtrek was not built');
  const temporal = await belongings.open(
    () => startTemporalServer(),
    (server) => server.stop(),
  );
  const { address, namespace } = temporal;
  const passwords = { SOURCE_PASSWORD: source.password, TARGET_PASSWORD: target.password, ...environment };
  const worker = await belongings.open(
    () => startWorkerProcess({ address, namespace, passwords, main }),
    (process) => process.stop(),
  );
  // Not by the caller's TEMPORAL_* variables and configuration file, which name another server.
  const connection = await belongings.open(
    () => Connection.connect({ address }),
    (opened) => opened.close(),
  );
  const pgtrek = await connect({ connection, address, namespace });
  const { diesEarly } = worker;
  return { pgtrek, connection, namespace, workerPid: worker.pid, temporalPid: temporal.pid, diesEarly };
}

// A query costs the worker some milliseconds of CPU.
const ASK_EVERY_MS = 100;

/** The first state that is so. Throws where the migration blocks or ends. */
export async function untilState(
  migration: Migration,
  isSo: (state: MigrationState) => boolean,
  signal: AbortSignal,
): Promise<MigrationState> {
  for (;;) {
    const state = await migration.state();
    if (isSo(state)) return state;
    throwIfBlocked(state);
    if (state.status === 'completed') throw new Error('the migration has ended before');
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}

export function throwIfBlocked({ status, blocked }: MigrationState): void {
  if (status !== 'blocked' && status !== 'aborted') return;
  throw new Error(`the migration is ${status}${blocked ? `: ${blocked.code}: ${blocked.message}` : ''}`);
}
