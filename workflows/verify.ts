/** verify: both databases are compared beside the stage, when somebody asks, and before a cutover whose spec says so. */
import { isCancellation, condition } from '@temporalio/workflow';
import type { Verification, VerifyKind } from '../contract/verification.js';
import { causeOf } from './as-error.js';
import { showDetails } from './details.js';
import { step } from './proxies.js';
import { activeLanes, directionOf, note, runArgument, specOf } from './run.js';
import type { Compared, MigrationRun } from './run.js';
import { unlessAttention, watchRound } from './watch.js';

/** Runs beside the stages for the whole life of the migration. */
export async function keepVerifying(run: MigrationRun): Promise<void> {
  for (;;) {
    try {
      await condition(() => run.asked.verify !== undefined && !isLeaving(run));
      await verifyOnce(run);
    } catch (error) {
      // The workflow itself was cancelled.
      if (isCancellation(error)) return;
      end(run, 'failed');
      note(run, 'verify-failed', `the databases could not be compared: ${causeOf(error)}`);
    } finally {
      delete run.state.verifying;
      showDetails(run);
    }
  }
}

function isLeaving({ asked, ending }: MigrationRun): boolean {
  return asked.abort !== undefined || asked.restart !== undefined || ending !== undefined;
}

/** Given up when the migration ends; begun again when the lanes begin or cease to stand. */
async function verifyOnce(run: MigrationRun): Promise<void> {
  const { verify } = run.asked;
  if (!verify) return;
  const { tables, repair, by } = verify;
  const kind = kindOf(run);
  run.state.verifying = { since: new Date().toISOString(), ...(by === undefined ? {} : { by }) };
  showDetails(run);
  const result = await unlessAttention(
    () => isLeaving(run) || kindOf(run) !== kind,
    () =>
      step('compare both databases').verifyContent({
        run: runArgument(run),
        kind,
        lanes: activeLanes(run),
        ...(tables ? { tables } : {}),
        ...(repair && kind === 'point' ? { repair } : {}),
      }),
  );
  if (!result) return;
  run.state.verification = { ...result, ...(directionOf(run) === 'back' ? { direction: 'back' } : {}) };
  end(run, result.differingTables === 0 ? 'equal' : 'different');
  note(run, 'verified', describe(result));
}

function kindOf({ state, progress }: MigrationRun): VerifyKind {
  const standing = state.lanes.every(({ status }) => status === 'stopped' || status === 'dropped');
  return standing && (progress.report !== undefined || state.paused !== undefined) ? 'point' : 'online';
}

function end({ asked }: MigrationRun, compared: Compared): void {
  delete asked.verify;
  if (asked.cutover) asked.compared = compared;
}

function describe({ equal, tables, rows, differingTables, schemaTotal }: Verification): string {
  const compared = `${rows} rows of ${String(tables)} tables were compared`;
  if (equal) return `${compared}: both databases are equal`;
  return `${compared}: ${String(differingTables)} tables differ, and ${String(schemaTotal)} objects of the schema`;
}

export function isToBeCompared(run: MigrationRun): boolean {
  return specOf(run).verify.content && run.asked.compared === undefined;
}

/** The lanes are watched meanwhile. */
export async function compareFirst(run: MigrationRun): Promise<void> {
  run.asked.verify ??= { by: 'pgtrek', reason: 'before the cutover' };
  await watchRound(run, () => run.asked.verify === undefined);
}
