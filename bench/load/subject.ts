import type { Belongings } from '../../dev/belongings.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import type { PeakMemory } from '../peak-memory.js';

/** Their names on the command line, in the table and in the rows. */
export const SUBJECT_NAMES = [
  'dump-and-restore',
  'dump-and-restore-uncompressed',
  'native-subscription',
  'pgtrek-stream',
  'pgtrek-dump',
  'pgtrek-native',
] as const;
export type SubjectName = (typeof SUBJECT_NAMES)[number];

/** What a person would do without pgtrek, with the settings that the tools have by themselves. */
export const BASELINE: SubjectName = 'dump-and-restore';

/** The same for every subject: tables copied, and indexes built, at the same time. */
export const JOBS = 2;

/** What one run has. */
export interface Arena {
  /** The filled database. */
  source: ClusterConnection;
  /** An empty database, made for this run. */
  target: ClusterConnection;
  tools: ClientTools;
  /** For files; removed after the run. */
  folder: string;
  /** Pgtrek's workflows, built once, as an installed pgtrek brings them along. */
  workflowBundle: string;
  /** The processes of the client's side are counted here. */
  memory: PeakMemory;
  /** What the run starts; ended after its result was checked. */
  belongings: Belongings;
  /** Aborted when the run is given up. */
  signal: AbortSignal;
}

/** One way to move a database. */
export interface Subject {
  name: SubjectName;
  /** Why it cannot run, from what is known before any server is started. */
  absence?: () => string | undefined;
  /** Outside of the measured time. */
  prepare: (arena: Arena) => Promise<Move>;
}

export interface Move {
  /** The measured time. Returns its end where that was earlier than now, as Date.now() counts. */
  go: () => Promise<number | void>;
  /** Once the result was checked, outside of the measured time. What it leaves in either database is removed anyway. */
  end?: () => Promise<void>;
}
