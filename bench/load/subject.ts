import type { Belongings } from '../../dev/belongings.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import type { Measures } from '../metrics.js';
import type { PeakMemory } from '../peak-memory.js';
import type { DataSetName } from './data-set.js';

/** Their names on the command line, in the table and in the rows. */
export const SUBJECT_NAMES = [
  'floor',
  'dump-and-restore',
  'dump-and-restore-uncompressed',
  'native-subscription',
  'native-subscription-indexes-after',
  'pgcopydb',
  'pgcopydb-split',
  'pgtrek-engine',
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
  /** cli/main.js of the installed pgtrek; undefined where no subject needs it. */
  pgtrek: string | undefined;
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
  absence?: (tools: ClientTools) => Promise<string | undefined>;
  /** Those that it is for; default: all. */
  dataSets?: DataSetName[];
  /** It runs the installed pgtrek. */
  needsPgtrek?: boolean;
  /** Outside of the measured time. */
  prepare: (arena: Arena) => Promise<Move>;
}

export interface Move {
  /** The measured time. */
  go: () => Promise<Outcome>;
  /** Once the result was checked, outside of the measured time. What it leaves in either database is removed anyway. */
  end?: () => Promise<void>;
}

/** What a subject tells of its run, beside its time and its memory. */
export interface Outcome {
  /** Where that was earlier than now; as Date.now() counts. */
  endedAt?: number;
  measures?: Measures;
  /** Where the time went, in seconds. They may overlap. */
  phases?: Record<string, number>;
}
