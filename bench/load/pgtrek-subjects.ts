/** pgtrek's methods of load. */
import { Client } from '@temporalio/client';
import { PgtrekError, parseSpec } from '../../client/index.js';
import type { Migration, MigrationState, SpecInput } from '../../client/index.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { knownMeasures } from '../metrics.js';
import { startParts, throwIfBlocked } from '../pgtrek-parts.js';
import type { PgtrekParts } from '../pgtrek-parts.js';
import { cpuSecondsOf, cpuSecondsSince, peakResidentBytesOf } from '../process-use.js';
import { specFor } from './pgtrek-spec.js';
import type { LoadMethod } from './pgtrek-spec.js';
import type { Arena, Move, Outcome, Subject } from './subject.js';

export const pgtrekSubjects: Subject[] = (['stream', 'dump', 'native'] as const).map((method) => ({
  name: `pgtrek-${method}`,
  needsPgtrek: true,
  absence: async () => notBuilt(specFor(method, { source: ANYWHERE, target: ANYWHERE })),
  prepare: (arena) => prepareMigration(arena, method),
}));

async function prepareMigration(arena: Arena, method: LoadMethod): Promise<Move> {
  const parts = await startParts(arena);
  arena.memory.count(parts.workerPid);
  const move = method === 'native' ? moveToMonitor : moveToEnd;
  return move({ ...parts, arena, spec: specFor(method, arena) });
}

interface MoveParts extends PgtrekParts {
  arena: Arena;
  spec: SpecInput;
}

/** A full load: until the migration has completed. */
function moveToEnd(parts: MoveParts): Move {
  return { go: () => measured(parts, untilFinished) };
}

/** The server's own copy: until all tables are copied and their changes follow. The stop is not measured. */
function moveToMonitor(parts: MoveParts): Move {
  const { pgtrek, spec, arena, diesEarly } = parts;
  return {
    go: () => measured(parts, untilMonitor),
    end: async () => {
      const migration = pgtrek.get(spec.name);
      await migration.stop({ now: true, then: 'finish' });
      await Promise.race([untilFinished(migration, arena.signal), diesEarly]);
    },
  };
}

interface Arrival {
  endedAt: number;
  state: MigrationState;
}

async function measured(
  parts: MoveParts,
  until: (migration: Migration, signal: AbortSignal) => Promise<Arrival>,
): Promise<Outcome> {
  const { pgtrek, spec, arena, diesEarly, workerPid, temporalPid } = parts;
  const before = { worker: cpuSecondsOf(workerPid), temporal: cpuSecondsOf(temporalPid) };
  const migration = await pgtrek.start(spec);
  const { endedAt, state } = await Promise.race([until(migration, arena.signal), diesEarly]);
  const measures = knownMeasures({
    'history-events': await countEvents(parts),
    'worker-peak-memory': peakResidentBytesOf(workerPid),
    'worker-cpu': cpuSecondsSince(workerPid, before.worker),
    'temporal-cpu': cpuSecondsSince(temporalPid, before.temporal),
  });
  return { endedAt, measures, phases: secondsOfStages(state) };
}

/** Of all workflows and their runs: the server is new, so they are all of this migration. */
async function countEvents({ connection, namespace }: PgtrekParts): Promise<number> {
  const { workflow } = new Client({ connection, namespace });
  let events = 0;
  for await (const { workflowId, runId } of workflow.list()) {
    events += (await workflow.getHandle(workflowId, runId).describe()).historyLength;
  }
  return events;
}

function secondsOfStages({ stages }: MigrationState): Record<string, number> {
  return Object.fromEntries(
    stages.flatMap(({ name, startedAt, endedAt }) =>
      startedAt === undefined || endedAt === undefined
        ? []
        : [[name, (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000]],
    ),
  );
}

/*
 * Both look once a second, as `pgtrek status --watch` does, and return when it happened, not when it was seen: by the
 * clock of the Temporal server, which is this machine's. Not by result(): it cannot be called off before the connection is closed.
 */

async function untilFinished(migration: Migration, signal: AbortSignal): Promise<Arrival> {
  let last: MigrationState | undefined;
  for await (const { state } of migration.watch({ signal })) {
    throwIfBlocked(state);
    last = state;
  }
  if (last?.status !== 'completed') throw new Error(`the migration ended as ${last?.status ?? 'unknown'}`);
  const { endedAt } = await migration.summary();
  if (endedAt === undefined) throw new Error('the end of the migration is not known');
  return { endedAt: Date.parse(endedAt), state: last };
}

async function untilMonitor(migration: Migration, signal: AbortSignal): Promise<Arrival> {
  for await (const { state } of migration.watch({ signal })) {
    throwIfBlocked(state);
    const { startedAt } = state.stages.find(({ name }) => name === 'monitor') ?? {};
    if (startedAt !== undefined) return { endedAt: Date.parse(startedAt), state };
  }
  throw new Error('the migration ended before its changes followed');
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
