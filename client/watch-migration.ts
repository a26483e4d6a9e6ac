import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { PgtrekError } from '../contract/errors.js';
import { QUERIES } from '../contract/messages.js';
import type { MigrationState } from '../contract/state.js';
import { askMigration } from './ask-migration.js';
import { awaitOutcome } from './await-outcome.js';
import { decodeLiveFigures } from './live-figures.js';
import type { RunningFigures } from './live-figures.js';
import { addLook, lookAtLoad } from './load-looks.js';
import type { LoadLook } from './load-looks.js';
import { measureLoad } from './load-progress.js';
import type { LoadProgress } from './load-progress.js';
import { translateServiceError } from './service-errors.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';
import { workflowStatusOf } from './workflow-status.js';
import type { WorkflowStatus } from './workflow-status.js';

/** One look at a migration. */
export interface MigrationView {
  state: MigrationState;
  /** Figures of the activities that run at this moment, about a second old. */
  live: RunningFigures[];
  /** While rows are copied: how far, how fast, and how long it will take by the rate of the last minute. */
  load?: LoadProgress;
  /** How the workflow stands; anything but `running` is the last look. */
  workflow: WorkflowStatus;
  /** Set while nobody answers: `state` is then the last that was seen. */
  problem?: { code: 'TEMPORAL_UNREACHABLE' | 'NO_WORKER'; message: string };
}

export interface WatchOptions {
  /** Time between two looks. @default 1000 */
  intervalMs?: number;
  /** How long nobody may answer before the watch gives up. @default 120000 */
  patienceMs?: number;
  /** Ends the watch without an error. */
  signal?: AbortSignal;
}

/** Looks until the workflow has ended. Throws what the first look throws; later ones have `patienceMs`. */
export async function* watchMigration(
  link: TemporalLink,
  handle: WorkflowHandle,
  { intervalMs = 1_000, patienceMs = 120_000, signal }: WatchOptions,
): AsyncGenerator<MigrationView, void, undefined> {
  let last: { view: MigrationView; seenAt: number } | undefined;
  let looks: LoadLook[] = [];
  while (!signal?.aborted) {
    try {
      const seen = await look(link, handle, { last: last?.view, signal });
      looks = takeLook(looks, seen);
      const view = withLoad(seen, looks);
      last = { view, seenAt: Date.now() };
      yield view;
      if (view.workflow !== 'running') return;
    } catch (error) {
      if (signal?.aborted) return;
      const problem = problemOf(error);
      if (!last || !problem || Date.now() - last.seenAt > patienceMs) throw error;
      yield { ...last.view, live: [], problem };
    }
    await sleep(intervalMs, undefined, signal ? { signal } : undefined).catch(() => undefined);
  }
}

function takeLook(looks: LoadLook[], { state, live, workflow }: MigrationView): LoadLook[] {
  const taken = workflow === 'running' ? lookAtLoad(state, live, new Date()) : undefined;
  return taken ? addLook(looks, taken) : [];
}

function withLoad(view: MigrationView, looks: LoadLook[]): MigrationView {
  const load = measureLoad(looks);
  return load ? { ...view, load } : view;
}

interface LookContext {
  last: MigrationView | undefined;
  signal: AbortSignal | undefined;
}

/** The workflow's status is read first, so that the state of an ended one is its last. */
async function look(
  link: TemporalLink,
  handle: WorkflowHandle,
  context: LookContext,
): Promise<MigrationView> {
  const { signal } = context;
  if (!signal) return lookOnce(link, handle, context);
  // Each call listens to its signal for good: one signal for a long watch would gather listeners without end.
  const controller = new AbortController();
  const onAbort = () => controller.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await link.connection.withAbortSignal(controller.signal, () => lookOnce(link, handle, context));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function lookOnce(
  link: TemporalLink,
  handle: WorkflowHandle,
  { last }: LookContext,
): Promise<MigrationView> {
  const description = await callWithDeadline(link, () => handle.describe()).catch((error: unknown) => {
    throw translateServiceError(link, error);
  });
  const workflow = workflowStatusOf(description.status.name);
  const live = await decodeLiveFigures(link.client, description);
  try {
    return {
      state: await askMigration<MigrationState>(link, handle, { query: QUERIES.state }),
      live,
      workflow,
    };
  } catch (error) {
    if (workflow === 'running' || problemOf(error)?.code === 'TEMPORAL_UNREACHABLE') throw error;
    return { state: await finalStateWithoutWorker(link, handle, { last, error }), live, workflow };
  }
}

/**
 * The worker may be gone with the last migration, and one that failed at once answers nothing: how it ended is in
 * the history. Throws what `result` throws for one that failed.
 */
async function finalStateWithoutWorker(
  link: TemporalLink,
  handle: WorkflowHandle,
  { last, error }: { last: MigrationView | undefined; error: unknown },
): Promise<MigrationState> {
  const outcome = await awaitOutcome(link, handle, { patienceMs: 0 });
  if (!last) throw error;
  return { ...last.state, status: outcome.outcome === 'aborted' ? 'aborted' : 'completed', outcome };
}

function problemOf(error: unknown): MigrationView['problem'] {
  const { code, message } = error as Partial<PgtrekError>;
  return (code === 'TEMPORAL_UNREACHABLE' || code === 'NO_WORKER') && message !== undefined
    ? { code, message }
    : undefined;
}
