/** pgtrek as a user runs it: a Temporal server, a worker in a process of its own, and the library. */
import { Connection } from '@temporalio/client';
import { PgtrekError, connect, parseSpec } from '../../client/index.js';
import type { Migration, MigrationState, Pgtrek, SpecInput } from '../../client/index.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { startTemporalServer } from '../../dev/temporal-server.js';
import { startWorkerProcess } from '../../dev/worker-process.js';
import { SERVER_SETTINGS } from './servers.js';
import { JOBS } from './subject.js';
import type { Arena, Move, Subject } from './subject.js';

type LoadMethod = 'stream' | 'dump' | 'native';

export const pgtrekSubjects: Subject[] = (['stream', 'dump', 'native'] as const).map((method) => ({
  name: `pgtrek-${method}`,
  absence: () => notBuilt(specFor(method, { source: ANYWHERE, target: ANYWHERE })),
  prepare: (arena) => prepareMigration(arena, method),
}));

async function prepareMigration(arena: Arena, method: LoadMethod): Promise<Move> {
  const { source, target, belongings, workflowBundle } = arena;
  const temporal = await belongings.open(
    () => startTemporalServer(),
    (server) => server.stop(),
  );
  const { address, namespace } = temporal;
  const passwords = { SOURCE_PASSWORD: source.password, TARGET_PASSWORD: target.password };
  const worker = await belongings.open(
    () => startWorkerProcess({ address, namespace, passwords, workflowBundle }),
    (process) => process.stop(),
  );
  arena.memory.count(worker.pid);
  // Not by the caller's TEMPORAL_* variables and configuration file, which name another server.
  const connection = await belongings.open(
    () => Connection.connect({ address }),
    (opened) => opened.close(),
  );
  const pgtrek = await connect({ connection, address, namespace });
  const move = method === 'native' ? moveToMonitor : moveToEnd;
  return move(pgtrek, { spec: specFor(method, arena), arena, diesEarly: worker.diesEarly });
}

interface MoveParts {
  spec: SpecInput;
  arena: Arena;
  diesEarly: Promise<never>;
}

/** A full load: until the migration has completed. */
function moveToEnd(pgtrek: Pgtrek, { spec, arena, diesEarly }: MoveParts): Move {
  return {
    go: async () => {
      const migration = await pgtrek.start(spec);
      return Promise.race([untilFinished(migration, arena.signal), diesEarly]);
    },
  };
}

/** The server's own copy: until all tables are copied and their changes follow. The stop is not measured. */
function moveToMonitor(pgtrek: Pgtrek, { spec, arena, diesEarly }: MoveParts): Move {
  const migration = pgtrek.get(spec.name);
  return {
    go: async () => {
      await pgtrek.start(spec);
      return Promise.race([untilMonitor(migration, arena.signal), diesEarly]);
    },
    end: async () => {
      await migration.stop({ now: true, then: 'finish' });
      await Promise.race([untilFinished(migration, arena.signal), diesEarly]);
    },
  };
}

/*
 * Both look once a second, as `pgtrek status --watch` does, and return when it happened, not when it was seen: by the
 * clock of the Temporal server, which is this machine's. Not by result(): it cannot be called off before the connection is closed.
 */

async function untilFinished(migration: Migration, signal: AbortSignal): Promise<number> {
  let last: MigrationState | undefined;
  for await (const { state } of migration.watch({ signal })) {
    throwIfBlocked(state);
    last = state;
  }
  if (last?.status !== 'completed') throw new Error(`the migration ended as ${last?.status ?? 'unknown'}`);
  const { endedAt } = await migration.summary();
  if (endedAt === undefined) throw new Error('the end of the migration is not known');
  return Date.parse(endedAt);
}

async function untilMonitor(migration: Migration, signal: AbortSignal): Promise<number> {
  for await (const { state } of migration.watch({ signal })) {
    throwIfBlocked(state);
    const { startedAt } = state.stages.find(({ name }) => name === 'monitor') ?? {};
    if (startedAt !== undefined) return Date.parse(startedAt);
  }
  throw new Error('the migration ended before its changes followed');
}

function throwIfBlocked({ status, blocked }: MigrationState): void {
  if (status !== 'blocked' && status !== 'aborted') return;
  throw new Error(`the migration is ${status}${blocked ? `: ${blocked.code}: ${blocked.message}` : ''}`);
}

/** The server's own copy is a part of replication; the others are measured without. */
function specFor(
  method: LoadMethod,
  ends: { source: ClusterConnection; target: ClusterConnection },
): SpecInput {
  const endOf = ({ host, port, database, user }: ClusterConnection, password: string) => ({
    host,
    port,
    database,
    user,
    password: { env: password },
    tls: { mode: 'disable' as const },
  });
  return {
    name: 'bench',
    source: endOf(ends.source, 'SOURCE_PASSWORD'),
    target: endOf(ends.target, 'TARGET_PASSWORD'),
    load: {
      method,
      jobs: JOBS,
      indexJobs: JOBS,
      maintenanceWorkMem: SERVER_SETTINGS['maintenance_work_mem'],
    },
    ...(method === 'native'
      ? { mode: 'full-load-and-cdc', cdc: { stop: { never: true } } }
      : { mode: 'full-load' }),
  };
}

const ANYWHERE: ClusterConnection = { host: '127.0.0.1', port: 5432, user: 'u', password: '', database: 'd' };

function notBuilt(spec: SpecInput): string | undefined {
  try {
    parseSpec(spec);
    return undefined;
  } catch (error) {
    if (error instanceof PgtrekError && error.code === 'NOT_BUILT_YET')
      return `${error.code}: ${error.message}`;
    throw error;
  }
}
