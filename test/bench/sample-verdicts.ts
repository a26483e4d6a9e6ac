import type { Verdict } from '../../bench/verdict.js';

const MEGABYTE = 1024 * 1024;

/** Three that were measured, one that could not run, one whose result was wrong. */
export const VERDICTS: Verdict[] = [
  {
    subject: 'dump-and-restore',
    kind: 'measured',
    runs: [
      { round: 1, seconds: 30, measures: { 'peak-memory': 40 * MEGABYTE }, phases: {} },
      { round: 2, seconds: 36, measures: { 'peak-memory': 42 * MEGABYTE }, phases: {} },
      { round: 3, seconds: 33, measures: { 'peak-memory': 41 * MEGABYTE }, phases: {} },
    ],
  },
  {
    subject: 'pgtrek-stream',
    kind: 'measured',
    runs: [
      { round: 1, seconds: 20, measures: { 'peak-memory': 200 * MEGABYTE }, phases: {} },
      { round: 2, seconds: 27, measures: { 'peak-memory': 220 * MEGABYTE }, phases: {} },
      { round: 3, seconds: 22, measures: { 'peak-memory': 210 * MEGABYTE }, phases: {} },
    ],
  },
  { subject: 'pgtrek-dump', kind: 'measured', runs: [{ round: 1, seconds: 33, measures: {}, phases: {} }] },
  { subject: 'pgtrek-native', kind: 'not run', reason: 'NOT_BUILT_YET: not yet' },
  { subject: 'native-subscription', kind: 'failed', reason: 'the result is wrong' },
];
