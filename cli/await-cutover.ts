import type { CutoverReport, Migration, MigrationState } from '../client/index.js';

/** A cutover takes seconds: a person should see it end at once. */
const LOOK_EVERY_MS = 200;

/** How a cutover that was asked for came out. `state` is the last that was seen. */
export type CutoverEnd =
  | { kind: 'report'; report: CutoverReport; state: MigrationState }
  /** A step of it cannot go on: it waits for retry or abort. */
  | { kind: 'blocked'; state: MigrationState }
  /** Somebody ended the migration meanwhile. */
  | { kind: 'ended'; state: MigrationState }
  /** It goes on, and nobody waits any more. */
  | { kind: 'late'; state: MigrationState };

/** `asked`: the state that came back when it was asked for; the report of a former cutover may still be in it. */
export async function awaitCutover(
  migration: Migration,
  { asked, deadlineMs }: { asked: MigrationState; deadlineMs: number },
): Promise<CutoverEnd> {
  let state = asked;
  const signal = AbortSignal.timeout(deadlineMs);
  for await (const view of migration.watch({ intervalMs: LOOK_EVERY_MS, signal })) {
    ({ state } = view);
    const report = state.cutover;
    if (report && report.at !== asked.cutover?.at) return { kind: 'report', report, state };
    if (view.workflow !== 'running') return { kind: 'ended', state };
    if (state.status === 'blocked') return { kind: 'blocked', state };
  }
  return { kind: 'late', state };
}
