/** Kinds of events: which of them the list of stages shows already, and which somebody who is not watching wants to know. Pure. */

/** What the list of stages shows already. */
export const STAGE_KINDS: readonly string[] = ['stage', 'stage-done'];

/** What became of a notification; it is never notified itself, as it would only fail again. */
export const NOTIFY_FAILED = 'notify-failed';

/** What `notify.events` is by default: what has ended, what needs a person, and what a person has asked for. */
export const NOTABLE_KINDS: readonly string[] = [
  'stage-done',
  'blocked',
  'set-aside',
  'foreign-key',
  'left-out',
  'drift',
  'adopted',
  'alert*',
  'wal-*',
  '*lost',
  'load-again',
  'lane-*',
  'skipped',
  'stop-clock',
  'stop-late',
  'stop-planned',
  'marker',
  'stopped',
  'paused',
  'resumed',
  'cutover',
  'rollback',
  'turned',
  'verified',
  'verify-failed',
  'restart*',
  'pause',
  'resume',
  'retry',
  'finish',
  'abort',
  'finished',
  'aborted',
];

/** Whether a kind is meant by one of the patterns, in which `*` stands for anything. */
export function matchesKind(patterns: readonly string[], kind: string): boolean {
  return kind !== NOTIFY_FAILED && patterns.some((pattern) => toRegExp(pattern).test(kind));
}

function toRegExp(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
