/** The migration that is cut over and back. */
import type { Migration, MigrationState } from '../../client/index.js';
import type { CutoverReport, CutoverStep, Direction } from '../../contract/cutover.js';
import { specBetween } from '../load/pgtrek-spec.js';
import { startParts, untilState } from '../pgtrek-parts.js';
import type { PgtrekParts } from '../pgtrek-parts.js';
import type { CaseParts, CutoverArena } from './case.js';

export interface CutoverMigration {
  migration: Migration;
  /** What the fence did, of the first attempt that was not refused or undone; and why earlier ones were. */
  change: (direction: Direction) => Promise<{ report: CutoverReport; before: string[] }>;
  /** Removes everything of it from both ends. */
  abort: () => Promise<void>;
}

// A lag right after much was written may refuse the first of them.
const MOST_ATTEMPTS = 10;

// 4 GB take minutes on a slow machine.
const LOAD_DEADLINE_MS = 60 * 60_000;
// The lanes of the other direction apply some seconds after a cutover.
const TURN_DEADLINE_MS = 2 * 60_000;

/** Resolves when changes follow. */
export async function openCutoverMigration(
  arena: CutoverArena,
  {
    hooks,
    environment,
    pgtrek: main,
    signal,
  }: Pick<CaseParts, 'hooks' | 'environment'> & {
    pgtrek: string | undefined;
    signal: AbortSignal;
  },
): Promise<CutoverMigration> {
  const { source, target, belongings } = arena;
  const parts = await startParts({ source, target, pgtrek: main, belongings, environment });
  const migration = await parts.pgtrek.start({
    ...specBetween({ source, target }),
    cdc: { stop: { never: true } },
    cutover: { reverse: true, hooks },
  });
  const follow = (direction: Direction, deadlineMs = TURN_DEADLINE_MS) =>
    orDies(parts, untilFollowing(migration, { direction, deadlineMs, signal }));
  const attempt = (direction: Direction) => orDies(parts, attemptOnce(migration, { direction, signal }));
  await follow('forward', LOAD_DEADLINE_MS);
  return {
    migration,
    async change(direction) {
      const before: string[] = [];
      for (let tries = 1; tries <= MOST_ATTEMPTS; tries += 1) {
        const report = await attempt(direction);
        if (report.outcome === 'done') {
          await follow(direction === 'forward' ? 'back' : 'forward');
          return { report, before };
        }
        before.push(`${report.outcome}: ${report.reasons.join('; ')}`);
        await follow(direction);
      }
      throw new Error(`${MOST_ATTEMPTS} times it was not done: ${before.at(-1) ?? ''}`);
    },
    async abort() {
      await migration.abort();
      await orDies(parts, migration.result());
    },
  };
}

function orDies<T>({ diesEarly }: PgtrekParts, work: Promise<T>): Promise<T> {
  return Promise.race([work, diesEarly]);
}

async function attemptOnce(
  migration: Migration,
  { direction, signal }: { direction: Direction; signal: AbortSignal },
): Promise<CutoverReport> {
  const last = (await migration.state()).cutover?.at;
  await (direction === 'forward' ? migration.cutover() : migration.rollback());
  const { cutover } = await untilState(
    migration,
    (state) => state.cutover !== undefined && state.cutover.at !== last,
    signal,
  );
  if (cutover === undefined) throw new Error('there is no report of the cutover');
  return cutover;
}

async function untilFollowing(
  migration: Migration,
  { direction, deadlineMs, signal }: { direction: Direction; deadlineMs: number; signal: AbortSignal },
): Promise<void> {
  const late = AbortSignal.timeout(deadlineMs);
  try {
    await untilState(migration, (state) => isFollowing(state, direction), AbortSignal.any([signal, late]));
  } catch (error) {
    if (signal.aborted || !late.aborted) throw error;
    const { status, stage, direction: now = 'forward', lanes } = await migration.state();
    const told = lanes.map((lane) => `${lane.name} ${lane.status}`).join(', ');
    throw new Error(`changes do not flow ${direction}: ${status} in ${stage}, ${now}, with ${told}`, {
      cause: error,
    });
  }
}

/** Changes flow this way, and nothing is loaded. */
function isFollowing(state: MigrationState, direction: Direction): boolean {
  const { status, stage, lanes } = state;
  return (
    status === 'running' &&
    (stage === 'monitor' || stage === 'protect') &&
    (state.direction ?? 'forward') === direction &&
    lanes.some((lane) => lane.status === 'applying') &&
    lanes.every((lane) => ['applying', 'dropped'].includes(lane.status))
  );
}

/** ms from the begin of the fence; undefined where it did no such step. */
export function msOf({ fence }: CutoverReport, step: CutoverStep): number | undefined {
  return fence?.steps.find((done) => done.step === step)?.ms;
}
