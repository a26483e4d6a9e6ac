import { dumpAndRestore, dumpAndRestoreUncompressed } from './dump-and-restore.js';
import { floor } from './floor.js';
import { nativeSubscription, nativeSubscriptionIndexesAfter } from './native-subscription.js';
import { pgcopydb, pgcopydbSplit } from './pgcopydb.js';
import { pgtrekEngine } from './pgtrek-engine.js';
import { pgtrekSubjects } from './pgtrek-subjects.js';
import type { Subject, SubjectName } from './subject.js';

const SUBJECTS: Subject[] = [
  floor,
  dumpAndRestore,
  dumpAndRestoreUncompressed,
  nativeSubscription,
  nativeSubscriptionIndexesAfter,
  pgcopydb,
  pgcopydbSplit,
  pgtrekEngine,
  ...pgtrekSubjects,
];

/** In the order in which they take turns, whatever the order of the names. */
export function subjectsOf(names: SubjectName[]): Subject[] {
  return SUBJECTS.filter(({ name }) => names.includes(name));
}
