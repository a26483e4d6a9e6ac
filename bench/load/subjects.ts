import { dumpAndRestore, dumpAndRestoreUncompressed } from './dump-and-restore.js';
import { nativeSubscription } from './native-subscription.js';
import { pgtrekSubjects } from './pgtrek-subjects.js';
import type { Subject, SubjectName } from './subject.js';

const SUBJECTS: Subject[] = [
  dumpAndRestore,
  dumpAndRestoreUncompressed,
  nativeSubscription,
  ...pgtrekSubjects,
];

/** In the order in which they take turns, whatever the order of the names. */
export function subjectsOf(names: SubjectName[]): Subject[] {
  return SUBJECTS.filter(({ name }) => names.includes(name));
}
