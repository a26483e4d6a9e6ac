/** Steps that tests share: wait for a state, with a deadline that names where the migration stood. */
import type { Migration, MigrationState } from '../../client/index.js';
import { waitUntil } from '../../dev/wait-until.js';

/** Resolves with the first state for which the condition holds. */
export async function untilState(
  migration: Migration,
  condition: (state: MigrationState) => boolean,
  seconds = 60,
): Promise<MigrationState> {
  const end = Date.now() + seconds * 1000;
  let state: MigrationState | undefined;
  while (Date.now() < end) {
    state = await migration.state().catch(() => state);
    if (state && condition(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`after ${String(seconds)} s the migration stands at ${JSON.stringify(state, null, 1)}`);
}

export function untilBlocked(migration: Migration, seconds?: number): Promise<MigrationState> {
  return untilState(migration, ({ status }) => status === 'blocked', seconds);
}

/** Ends as completed or throws with what blocks it. */
export async function untilCompleted(migration: Migration, seconds = 120): Promise<MigrationState> {
  const state = await untilState(
    migration,
    ({ status }) => status === 'completed' || status === 'aborted' || status === 'blocked',
    seconds,
  );
  if (state.status !== 'completed') throw new Error(JSON.stringify(state.blocked ?? state.outcome, null, 1));
  return state;
}

/** What became of a cutover or a rollback, once the lanes have come near enough for it to be tried. */
export async function untilReported(
  migration: Migration,
  ask: () => Promise<MigrationState>,
): Promise<MigrationState> {
  let state = await migration.state();
  const isTried = async () => {
    const { cutover: before } = state;
    await ask();
    state = await untilState(migration, ({ cutover }) => cutover !== undefined && cutover.at !== before?.at);
    return state.cutover?.reasons.some((reason) => reason.startsWith('the lanes are behind')) !== true;
  };
  await waitUntil(isTried, { deadlineMs: 60_000 });
  return state;
}
