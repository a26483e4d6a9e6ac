import type { ClientTools } from '../../postgres/client-tools.js';
import type { Arena } from '../load/subject.js';

/** Their names on the command line, in the table and in the rows. */
export const APPLY_SUBJECT_NAMES = [
  'native',
  'native-binary',
  'pgtrek',
  'pgtrek-2-lanes',
  'pgcopydb',
] as const;
export type ApplySubjectName = (typeof APPLY_SUBJECT_NAMES)[number];

/** What a person has who makes one subscription by hand. */
export const APPLY_BASELINE: ApplySubjectName = 'native';

/** One way to have changes follow. */
export interface ApplySubject {
  name: ApplySubjectName;
  /** Why it cannot run, from what is known before any server is started. */
  absence?: (tools: ClientTools) => Promise<string | undefined>;
  /** It runs the installed pgtrek. */
  needsPgtrek?: boolean;
  /** Ends when the target has the first rows, and changes follow. */
  prepare: (arena: Arena) => Promise<Replica>;
}

export interface Replica {
  /** Ends when changes do not follow any more, and the source keeps them. */
  hold: () => Promise<void>;
  /** The measured time begins with it. What it returns is waited for no longer than the changes; it rejects where they will not come. */
  letGo: () => Promise<unknown>;
}
