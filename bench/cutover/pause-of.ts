import type { End } from './case.js';

/** Times by performance.now(). */
export interface Attempt {
  end: End;
  begun: number;
  ended: number;
  outcome: 'committed' | 'cancelled' | 'refused';
}

/**
 * How long clients could not write, in ms: from the begin of the first write that the old primary never took, to the first commit on `end`.
 * One that was cancelled and done again on the old one did not wait.
 */
export function pauseOf(attempts: Attempt[], end: End): number {
  const there = attempts.filter((attempt) => attempt.end === end && attempt.outcome === 'committed');
  const firstThere = Math.min(...there.map(({ ended }) => ended));
  const before = attempts.filter((attempt) => attempt.end !== end);
  const lastHere = Math.max(
    ...before.filter(({ outcome }) => outcome === 'committed').map(({ ended }) => ended),
  );
  const blocked = before.filter(({ outcome, ended }) => outcome === 'refused' && ended > lastHere);
  const firstBlocked = Math.min(firstThere, ...blocked.map(({ begun }) => begun));
  return firstThere - firstBlocked;
}

/** A transaction that a client reports when it is over: times in ms since 1970. */
export interface Done {
  endedAt: number;
  latencyMs: number;
}

/**
 * The same where no client knows of two servers: from the begin of the first transaction that was held up to the first commit after
 * the longest time without one.
 */
export function longestGap(done: Done[]): number {
  const sorted = [...done].sort((one, other) => one.endedAt - other.endedAt);
  let resumedAt = 0;
  let longest = 0;
  for (const [index, { endedAt }] of sorted.entries()) {
    const gap = endedAt - (sorted[index - 1]?.endedAt ?? endedAt);
    if (gap > longest) [longest, resumedAt] = [gap, endedAt];
  }
  const held = sorted.filter(
    ({ endedAt, latencyMs }) => endedAt >= resumedAt && endedAt - latencyMs < resumedAt,
  );
  return resumedAt - Math.min(resumedAt, ...held.map(({ endedAt, latencyMs }) => endedAt - latencyMs));
}
