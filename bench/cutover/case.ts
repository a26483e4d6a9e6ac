import type { SpecInput } from '../../client/index.js';
import type { Belongings } from '../../dev/belongings.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { ClientTools } from '../../postgres/client-tools.js';

/** Their names on the command line, and of the cases. */
export const CUTOVER_CASE_NAMES = ['pgbench', 'tables', 'pgbouncer'] as const;
export type CutoverCaseName = (typeof CUTOVER_CASE_NAMES)[number];

export type End = 'source' | 'target';

/** Where a case takes place; both databases are its own. */
export interface CutoverArena {
  source: ClusterConnection;
  target: ClusterConnection;
  /** A user of both servers with the same password, as whom clients write. */
  app: { user: string; password: string };
  tools: ClientTools;
  /** For files of this case. */
  folder: string;
  belongings: Belongings;
  /** Transactions a second of the case `tables`. */
  rate: number;
}

/** What a case needs of the migration: hooks, and variables of the worker for them. */
export interface CutoverCase {
  name: CutoverCaseName;
  /** @param scale share of 1.5 GB */
  fill: (arena: CutoverArena, scale: number) => Promise<void>;
  /** Begins once changes follow. */
  start: (arena: CutoverArena) => Promise<CaseParts>;
}

export interface CaseParts {
  clients: Clients;
  hooks: NonNullable<NonNullable<SpecInput['cutover']>['hooks']>;
  /** Variables of the worker. */
  environment: Record<string, string>;
}

/** Whoever writes, first on the source, and then wherever the primary is. */
export interface Clients {
  /** Resolves when all of them write. */
  begin: () => Promise<void>;
  /** Just before a cutover is asked for. */
  watch: () => void;
  /** Until they write to this one. */
  untilOn: (end: End) => Promise<void>;
  /** How long the last change of primaries kept them from writing is known at the end: as many as were watched. */
  stop: () => Promise<ClientsReport>;
}

export interface ClientsReport {
  /** Of each change: from the first write that the old primary did not take, to the first commit on the new one, in ms. */
  pausesMs: number[];
  committed: number;
  perSecond: number;
  /** Transactions that were cancelled, and done again by their client. */
  cancelled: number;
  /** Transactions that a client could not bring to an end, whatever it did. */
  failed: number;
  /** What the primary at the end lacks of what was committed, or has too much; of rows that only the old one has too. */
  problems: string[];
}
