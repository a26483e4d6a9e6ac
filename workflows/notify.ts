/**
 * Tells events to the hooks of `spec.notify`: a loop beside the stages for each, which waits for nobody and keeps nobody
 * waiting. What a hook was told is carried from run to run.
 */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Hook, Notification } from '../contract/activities.js';
import { NOTIFY_FAILED, matchesKind } from '../contract/event-kinds.js';
import { causeOf } from './as-error.js';
import { hook as tell } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun, Told } from './run.js';

const HOOKS: Hook[] = ['webhook', 'command'];

/** So many at a time: a message stays far below the 2 MB that an activity's input may have. */
const BATCH = 50;

/** How long the end of a migration waits for its last events to be told: five tries; a sixth would be far off. */
const LAST_WORDS_MS = 20_000;

/** Runs beside the stages; without hooks, or before validate has read them, it does nothing. */
export function keepNotifying(run: MigrationRun): void {
  const scope = new CancellationScope();
  const ended = scope.run(async () => {
    await Promise.all(HOOKS.map((hook) => keepTelling(run, hook)));
  });
  run.notifier = {
    scope,
    ended: ended.catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    }),
  };
}

/** Before the run ends: what was being told is told again by the next one, with the same key. */
export async function endNotifying({ notifier }: MigrationRun): Promise<void> {
  notifier?.scope.cancel();
  await notifier?.ended;
}

/** The last events, once the migration has ended. Whoever does not listen in time is not told; cancelled or not. */
export async function tellLast(run: MigrationRun): Promise<void> {
  await endNotifying(run);
  const behind = HOOKS.filter((hook) => isBehind(run, hook));
  if (behind.length === 0) return;
  try {
    await CancellationScope.nonCancellable(() =>
      CancellationScope.withTimeout(LAST_WORDS_MS, async () => {
        await Promise.all(behind.map((hook) => catchUp(run, hook)));
      }),
    );
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
}

async function keepTelling(run: MigrationRun, hook: Hook): Promise<void> {
  for (;;) {
    await condition(() => isBehind(run, hook));
    await catchUp(run, hook);
  }
}

function isBehind(run: MigrationRun, hook: Hook): boolean {
  return run.spec?.notify?.[hook] !== undefined && toldOf(run, hook).n < run.progress.events;
}

function toldOf({ progress }: MigrationRun, hook: Hook): Told {
  return progress.notified?.[hook] ?? { n: 0 };
}

/** One batch after the other, in order, until there is no news. Throws only when it is cancelled. */
async function catchUp(run: MigrationRun, hook: Hook): Promise<void> {
  while (isBehind(run, hook)) {
    const told = toldOf(run, hook);
    (run.progress.notified ??= {})[hook] = told;
    const notification = nextNotification(run, hook, told);
    if (notification) await tellOnce(run, told, notification);
  }
}

/** Undefined when there is nothing to tell of what is new; then all of it counts as told. */
function nextNotification(run: MigrationRun, hook: Hook, told: Told): Notification | undefined {
  const { events, status, stage } = run.state;
  const kinds = run.spec?.notify?.events ?? [];
  const oldest = events[0]?.n ?? 1;
  // The state keeps the last events only.
  if (oldest > told.n + 1) miss(told, oldest - 1);
  const last = told.telling ?? run.progress.events;
  const due = events
    .filter(({ n, kind }) => n > told.n && n <= last && matchesKind(kinds, kind))
    .slice(0, BATCH);
  const [{ n } = { n: undefined }] = due.slice(-1);
  if (n === undefined) {
    told.n = last;
    delete told.telling;
    return undefined;
  }
  told.telling = n;
  return { hook, events: due, ...(told.missed ? { missed: told.missed } : {}), state: { status, stage } };
}

async function tellOnce(run: MigrationRun, told: Told, notification: Notification): Promise<void> {
  const { hook, events } = notification;
  try {
    await tell(
      `tell the ${hook}: ${events
        .map(({ kind }) => kind)
        .join(', ')
        .slice(0, 100)}`,
    ).notify({
      run: runArgument(run),
      notification,
    });
    told.n = told.telling ?? told.n;
    delete told.telling;
    delete told.missed;
    delete told.failed;
  } catch (error) {
    if (isCancellation(error)) throw error;
    miss(told, told.telling ?? told.n);
    if (told.failed) return;
    told.failed = true;
    note(run, NOTIFY_FAILED, `the ${hook} was not told, and will not be told again: ${causeOf(error)}`);
  }
}

function miss(told: Told, to: number): void {
  told.missed = { from: told.missed?.from ?? told.n + 1, to };
  told.n = to;
  delete told.telling;
}
