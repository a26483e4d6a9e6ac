/** Alerts, as the watches report them: told once as they come and go; and what is done when the WAL budget is used up. */
import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import type { LaneName } from '../contract/names.js';
import type { Alert, FoundAlert } from '../contract/state.js';
import { causeOf } from './as-error.js';
import { step } from './proxies.js';
import { note, runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';
import { goOn } from './stage.js';

const USED_UP = 'wal-100';

export function knownAlerts({ state }: MigrationRun): string[] {
  return (state.alerts ?? []).map(({ id }) => id);
}

export function takeAlerts(run: MigrationRun, found: FoundAlert[]): void {
  const known = run.state.alerts ?? [];
  const came = found.filter(({ id }) => !known.some((each) => each.id === id));
  const gone = known.filter(({ id }) => !found.some((each) => subjectOf(each) === subjectOf({ id })));
  const now = new Date().toISOString();
  setAlerts(
    run,
    found.map(({ id, text }) => ({ id, text, since: known.find((each) => each.id === id)?.since ?? now })),
  );
  for (const { text } of came) note(run, 'alert', text);
  for (const { text } of gone) note(run, 'alert', `over: ${text}`);
  if (came.some(({ id }) => id === USED_UP)) answerBudget(run);
}

function setAlerts(run: MigrationRun, alerts: Alert[]): void {
  if (alerts.length > 0) run.state.alerts = alerts;
  else delete run.state.alerts;
}

/** `wal` of `wal-80`: another level of the same is told by its coming alone. */
function subjectOf({ id }: Pick<Alert, 'id'>): string {
  return id.replace(/-\d+$/, '');
}

/** By `cdc.onWalBudget`. */
function answerBudget(run: MigrationRun): void {
  const { onWalBudget } = specOf(run).cdc;
  if (onWalBudget === 'pause') pauseLoad(run);
  if (onWalBudget === 'release') planRelease(run);
}

/** While changes flow a pause would let the slots hold back only more. */
function pauseLoad(run: MigrationRun): void {
  if (run.state.paused) return;
  if (run.state.stage !== 'load')
    return note(run, 'wal-budget', 'the WAL budget is used up; only a load is paused for that');
  run.state.paused = { since: new Date().toISOString(), by: 'pgtrek' };
  if (run.state.status === 'running') goOn(run);
  note(
    run,
    'wal-budget',
    'the load is paused, as the WAL budget is used up: resume, or abort to free the WAL',
  );
}

function planRelease(run: MigrationRun): void {
  const reason = whyKept(run);
  const lane = heaviestLane(run);
  if (reason !== undefined)
    note(run, 'wal-budget', `the WAL budget is used up; the slot stays all the same: ${reason}`);
  else if (lane !== undefined) run.progress.release = lane;
}

function whyKept({ spec, state, progress }: MigrationRun): string | undefined {
  if (spec?.mode === 'cdc' && spec.cdc.start !== 'now') return 'it was there before pgtrek';
  if (state.method === 'native' && !progress.copied)
    return 'the server’s own copy cannot be begun again; abort frees the WAL';
  return undefined;
}

/** The lane whose slot holds back the most. */
function heaviestLane({ state }: MigrationRun): LaneName | undefined {
  const slots = (state.monitor?.lanes ?? []).filter(({ retainedBytes }) => BigInt(retainedBytes) > 0n);
  const [first] = slots.sort((a, b) => (BigInt(b.retainedBytes) > BigInt(a.retainedBytes) ? 1 : -1));
  return first?.lane;
}

/**
 * Drops the slot that was chosen. What still holds back too much is told, and dropped, anew. A lane that applies is found
 * without its slot by monitor, which blocks; one that is loaded ends here.
 */
export async function saveSource(run: MigrationRun): Promise<void> {
  const lane = run.progress.release;
  if (!lane) return;
  let told: string;
  try {
    const { dropped } = await step(`drop the slot of ${lane} to free WAL`).giveSlotUp({
      run: runArgument(run),
      lane,
    });
    const budget = specOf(run).cdc.walBudget ?? '';
    told = dropped
      ? `The slot of ${lane} was dropped: it held back the most WAL, and cdc.walBudget (${budget}) was used up.`
      : `The slot of ${lane} stays: it holds back less than cdc.walBudget (${budget}) again.`;
    if (dropped) loseSlot(run, lane, told);
  } catch (error) {
    if (isCancellation(error)) throw error;
    told = `The slot of ${lane} could not be dropped to free WAL: ${causeOf(error)}. On the source: SELECT pg_drop_replication_slot('${lane}');`;
  }
  // Another watch has done it meanwhile.
  if (run.progress.release !== lane) return;
  delete run.progress.release;
  setAlerts(
    run,
    (run.state.alerts ?? []).filter(({ id }) => id !== USED_UP),
  );
  note(run, 'wal-budget', told);
}

/** Of a lane that is not subscribed yet; monitor judges the others. */
export function loseSlot(run: MigrationRun, lane: LaneName, why: string): void {
  const isLoaded = run.state.lanes.some(
    ({ name, status }) => name === lane && (status === 'loading' || status === 'copied'),
  );
  if (isLoaded && !slotLossOf(run, lane))
    run.progress.lostSlots = [...(run.progress.lostSlots ?? []), { lane, why }];
}

/** What blocks the load of a lane without its slot; undefined as long as it has one. */
export function slotLossOf({ progress }: MigrationRun, lane: LaneName): ApplicationFailure | undefined {
  const lost = progress.lostSlots?.find((each) => each.lane === lane);
  if (!lost) return undefined;
  return ApplicationFailure.create({
    type: 'SLOT_LOST',
    message: lost.why,
    nonRetryable: true,
    details: [
      {
        object: lane,
        remedy:
          'Make room for WAL on the source, or raise what limits it, then retry: the tables of the lane are loaded again.',
      },
    ],
  });
}
