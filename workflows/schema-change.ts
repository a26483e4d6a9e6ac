/** What monitor does when the source's schema changes: stand and wait, ask for consent, or bring the change over. */
import { ApplicationFailure } from '@temporalio/workflow';
import type { Adoption } from '../contract/activities.js';
import { describeChange } from '../contract/schema-change.js';
import type { SchemaChange } from '../contract/schema-change.js';
import { addForeignKeys, buildAllIndexes } from './complete-target.js';
import { marking, step, vigil } from './proxies.js';
import { resumeFromMarker } from './pause.js';
import { goOn } from './stage.js';
import { activeLanes, isTurned, newMarker, note, runArgument, specOf } from './run.js';
import type { MigrationRun } from './run.js';

/** Asked for, or a change that nothing was done about yet. Specs of older versions say nothing of changes. */
export function isChangeDue(run: MigrationRun): boolean {
  const { asked, progress, state } = run;
  if (asked.adopt || progress.changeMarker) return true;
  if (!state.drift || state.drift.digest === progress.metDrift) return false;
  if (!run.spec || !isToldWhatToDo(run.spec.cdc) || isTurned(run)) return false;
  return run.spec.cdc.onSchemaChange !== 'pause' || state.drift.changes.some(matters);
}

/** No row stumbles over a partition that was emptied or rewritten, and most often nothing is wrong with it: it is told. */
function matters({ kind }: SchemaChange): boolean {
  return kind !== 'partition-rewritten';
}

/** Specs that an older version completed lack the field. */
function isToldWhatToDo(cdc: { onSchemaChange?: string }): boolean {
  return cdc.onSchemaChange !== undefined;
}

/** A restart can be of the changed tables alone while the others stream, when our own copy has loaded them. */
export function canAdopt(run: MigrationRun): boolean {
  const { spec, state } = run;
  if (!spec || !isToldWhatToDo(spec.cdc) || isTurned(run)) return false;
  return state.stage === 'monitor' && state.mode === 'full-load-and-cdc' && state.method === 'stream';
}

export async function meetChange(run: MigrationRun): Promise<void> {
  const { asked, progress, state } = run;
  const policy = specOf(run).cdc.onSchemaChange;
  if (asked.adopt || progress.changeMarker || policy === 'adopt') {
    await adopt(run);
    delete asked.adopt;
  }
  if (!state.drift || state.drift.digest === progress.metDrift) return;
  progress.metDrift = state.drift.digest;
  if (policy === 'restart') throw needsConsent();
  if (state.paused) return;
  state.paused = { since: new Date().toISOString(), by: 'pgtrek, as the schema of the source has changed' };
  goOn(run);
  note(run, 'pause', 'the schema of the source has changed, so the lanes stop, and wait for resume');
}

function needsConsent(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'CONSENT_NEEDED',
    message:
      'The schema of the source has changed. To begin again drops from the target what was restored there.',
    nonRetryable: true,
    details: [
      {
        remedy:
          'Consent with restartOnSchemaChange {"dropTarget": true}: the tables that the change touches are loaded again; with "full": true, all. Or retry: the lanes go on as they are.',
      },
    ],
  });
}

/** What no change in the stream can stumble over comes first, while the lanes run; the rest while they stand. */
async function adopt(run: MigrationRun): Promise<void> {
  const { progress } = run;
  if (!progress.changeMarker) {
    const { left } = await adoptNow(run, false);
    if (left.length === 0) {
      await completeSchema(run);
      return;
    }
  }
  const marker = (progress.changeMarker ??= newMarker(run, { kind: 'now', then: 'wait' }));
  await marking('stop the lanes for the change').commitMarker({ run: runArgument(run), marker });
  for (let tries = 1; ; tries += 1) {
    const { stumbled } = await vigil('wait until the lanes stand, or stumble').standForChange({
      run: runArgument(run),
      marker,
      retired: progress.retired,
    });
    await adoptNow(run, true);
    // Keys and indexes are there before a change can ask for them.
    await completeSchema(run);
    if (stumbled.length === 0) break;
    if (tries === STUMBLES) throw stumblesOn(stumbled);
  }
  progress.resumeFrom = marker;
  delete progress.changeMarker;
  await resumeFromMarker(run);
}

/** So many times a lane may stumble on its way to one marker; each change of a table costs one. */
const STUMBLES = 10;

function stumblesOn(lanes: string[]): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'APPLY_ERROR',
    message: `${lanes.join(', ')} cannot apply what the source has written since its schema changed, although all changes of it were brought over.`,
    nonRetryable: true,
    details: [
      {
        object: lanes[0],
        remedy:
          'Read the target’s log, mend the target, then retry; or begin again with restartOnSchemaChange {"full": true, "dropTarget": true}.',
      },
    ],
  });
}

async function adoptNow(run: MigrationRun, standing: boolean): Promise<Adoption> {
  const summary = standing ? 'bring the schema changes over' : 'bring over what hurts no lane';
  const lanes = activeLanes(run);
  const adoption = await step(summary).adoptChanges({ run: runArgument(run), lanes, standing });
  tell(run, adoption);
  const { drift } = run.state;
  // What is still another schema is another drift, and is found by the next round.
  if (drift && adoption.left.length === 0) {
    run.progress.metDrift = drift.digest;
    delete run.state.drift;
  }
  return adoption;
}

/** An event names so many; the state of the source's schema is not in it. */
const TOLD = 5;

function tell(run: MigrationRun, { adopted, tables }: Adoption): void {
  if (adopted.length > 0) note(run, 'adopted', `the target has now: ${some(adopted.map(describeChange))}`);
  if (tables.length === 0) return;
  run.progress.loadDue = true;
  note(run, 'load-again', `to be loaded in a new lane: ${some(tables)}`);
}

function some(texts: string[]): string {
  const more = texts.length - TOLD;
  return [...texts.slice(0, TOLD), ...(more > 0 ? [`and ${String(more)} more`] : [])].join('; ');
}

/**
 * What the new schema has and the target lacks of indexes, keys, triggers and the rest. Some of it needs the keys of tables that
 * are still to be loaded: then the load ends with it.
 */
async function completeSchema(run: MigrationRun): Promise<void> {
  await buildAllIndexes(run);
  if (run.progress.loadDue) return;
  await step('restore triggers, rules and the rest').restorePostData({ run: runArgument(run) });
  await addForeignKeys(run, false);
  await step('refresh materialised views').refreshViews({ run: runArgument(run) });
}
