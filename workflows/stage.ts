/** One stage: skipped when done, blocked and tried again when it cannot go on, left at once on abort and restart. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  sleep,
} from '@temporalio/workflow';
import { isErrorCode } from '../contract/errors.js';
import type { ErrorCode } from '../contract/errors.js';
import type { LaneName } from '../contract/names.js';
import type { ApplyError, Blocked, StageName } from '../contract/state.js';
import { showDetails } from './details.js';
import { note } from './run.js';
import type { MigrationRun } from './run.js';

/** Thrown at the stage's waits: outcomes, not errors of the stage. */
export class Aborted extends Error {}
export class Restarted extends Error {}

/** Errors that no retry of the same input can mend: the workflow fails. */
const FATAL: ReadonlySet<ErrorCode> = new Set(['SPEC_INVALID', 'NOT_BUILT_YET']);

/** Stages that pause in their own way; any other is not begun while a pause is asked for. */
const PAUSE_INSIDE: ReadonlySet<StageName> = new Set(['monitor', 'stop', 'cutover', 'protect']);

export async function stage(run: MigrationRun, name: StageName, work: () => Promise<void>): Promise<void> {
  const state = run.state.stages.find((each) => each.name === name);
  if (!state || state.status === 'done') return;
  if (!PAUSE_INSIDE.has(name)) await untilResumed(run, name);
  await untilDone(run, name, work);
  // Its own work took it out: it came to nothing, or what follows begins again.
  if (!run.state.stages.includes(state)) return;
  state.status = 'done';
  state.endedAt = new Date().toISOString();
  note(run, 'stage-done', `${name} is done`);
  showDetails(run);
}

async function untilResumed(run: MigrationRun, name: StageName): Promise<void> {
  if (!run.state.paused) return;
  await signposted(`PAUSED before ${name}: then send resume`, () =>
    condition(() => !run.state.paused || isLeaving(run)),
  );
  leaveIfAsked(run);
}

/** The work of a stage, blocked and retried until it is done. */
export async function untilDone(
  run: MigrationRun,
  name: StageName,
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    enter(run, name);
    const blocked = await attempt(run, name, work);
    if (!blocked) return;
    await waitForRetry(run, blocked);
  }
}

function enter(run: MigrationRun, name: StageName): void {
  const state = run.state.stages.find((each) => each.name === name);
  if (!state) return;
  run.state.stage = name;
  goOn(run);
  delete run.state.blocked;
  if (state.status === 'waiting') {
    state.status = 'running';
    state.startedAt ??= new Date().toISOString();
    note(run, 'stage', `${name} begins`);
  }
  showDetails(run);
}

/** The status of a migration that neither blocks nor stands. */
export function goOn({ state }: MigrationRun): void {
  state.status = state.paused ? 'paused' : 'running';
}

function isLeaving({ asked }: MigrationRun): boolean {
  return asked.abort !== undefined || asked.restart !== undefined;
}

export function leaveIfAsked({ asked }: MigrationRun): void {
  if (asked.abort) throw new Aborted();
  if (asked.restart) throw new Restarted();
}

/** Undefined when the work is done; what blocks it otherwise. */
async function attempt(
  run: MigrationRun,
  name: StageName,
  work: () => Promise<void>,
): Promise<Blocked | undefined> {
  const scope = new CancellationScope();
  const around = run.work;
  run.work = scope;
  try {
    leaveIfAsked(run);
    await scope.run(work);
    return undefined;
  } catch (error) {
    leaveIfAsked(run);
    if (isCancellation(error)) throw error;
    return blockedBy(run, name, error);
  } finally {
    run.work = around;
  }
}

function blockedBy(run: MigrationRun, stageName: StageName, error: unknown): Blocked {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  // Anything else is a defect of the workflow's own code: its task fails, is retried, and a mended worker goes on.
  if (!(error instanceof ActivityFailure) && !(failure instanceof ApplicationFailure)) throw error;
  const code =
    failure instanceof ApplicationFailure && isErrorCode(failure.type) ? failure.type : 'INTERNAL_ERROR';
  if (FATAL.has(code)) throw failure as ApplicationFailure;
  const facts = (failure instanceof ApplicationFailure ? failure.details?.[0] : undefined) as
    { object?: string; remedy?: string; lane?: LaneName; applyError?: ApplyError } | undefined;
  if (code === 'APPLY_ERROR' && facts?.lane) run.progress.held = { lane: facts.lane };
  return {
    stage: stageName,
    code,
    message: failure instanceof Error ? failure.message : String(failure),
    ...(facts?.remedy ? { remedy: facts.remedy } : {}),
    ...(facts?.object ? { object: facts.object } : {}),
    ...(facts?.applyError ? { applyError: facts.applyError } : {}),
    since: new Date().toISOString(),
  };
}

/** Counted, not flagged: a retry that arrives before anything blocks is refused, and none is lost. */
async function waitForRetry(run: MigrationRun, blocked: Blocked): Promise<void> {
  const seen = run.asked.retries;
  run.state.status = 'blocked';
  run.state.blocked = blocked;
  note(run, 'blocked', `${blocked.stage} is blocked: ${blocked.code}: ${blocked.message}`);
  showDetails(run);
  try {
    await signposted(`BLOCKED: ${blocked.code}: see User Metadata; then send retry or abort`, () =>
      condition(() => run.asked.retries > seen || isLeaving(run)),
    );
    leaveIfAsked(run);
    delete run.state.blocked;
  } catch (error) {
    // What it waited in is gone, such as the snapshot: the work around it goes on, and blocks no more.
    if (isCancellation(error) && !isLeaving(run)) {
      delete run.state.blocked;
      goOn(run);
    }
    throw error;
  }
}

/** A timer that nobody waits for: the timeline, which is what the Web UI shows first, has nothing else for a wait. */
async function signposted<T>(text: string, wait: () => Promise<T>): Promise<T> {
  const sign = new CancellationScope();
  // Histories that began without it go on without it.
  if (patched('signpost')) void sign.run(() => sleep('1000 days', { summary: text })).catch(() => undefined);
  try {
    return await wait();
  } finally {
    sign.cancel();
  }
}
