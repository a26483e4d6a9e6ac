import type { Verdict } from '../../bench/verdict.js';

const MEGABYTE = 1024 * 1024;

/** Three that were measured, one that could not run, one whose result was wrong. */
export const VERDICTS: Verdict[] = [
  {
    subject: 'dump-and-restore',
    kind: 'measured',
    runs: [
      { round: 1, seconds: 30, peakBytes: 40 * MEGABYTE },
      { round: 2, seconds: 36, peakBytes: 42 * MEGABYTE },
      { round: 3, seconds: 33, peakBytes: 41 * MEGABYTE },
    ],
  },
  {
    subject: 'pgtrek-stream',
    kind: 'measured',
    runs: [
      { round: 1, seconds: 20, peakBytes: 200 * MEGABYTE },
      { round: 2, seconds: 27, peakBytes: 220 * MEGABYTE },
      { round: 3, seconds: 22, peakBytes: 210 * MEGABYTE },
    ],
  },
  { subject: 'pgtrek-dump', kind: 'measured', runs: [{ round: 1, seconds: 33 }] },
  { subject: 'pgtrek-native', kind: 'not run', reason: 'NOT_BUILT_YET: not yet' },
  { subject: 'native-subscription', kind: 'failed', reason: 'the result is wrong' },
];
