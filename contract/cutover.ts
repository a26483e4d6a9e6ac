/** How a cutover went, and what it does on the way: plain data, for the state, the report and the histories. */
import type { LaneName, Lsn } from './names.js';
import type { StopReport } from './state.js';

export const FENCES = ['lock', 'read-only', 'external'] as const;
/** What keeps writers off the old primary. */
export type Fence = (typeof FENCES)[number];

/** forward: from the spec's source to its target. back: the other way round, once a cutover is done that keeps a way back. */
export type Direction = 'forward' | 'back';

/** What is done from the fence to its release, in this order; what a spec does not ask for is left out. */
export const CUTOVER_STEPS = [
  'pause-clients',
  'fence',
  'markers',
  'stopped',
  'read-only',
  'sessions-ended',
  'sequences',
  'proof',
  'decided',
  'opening',
  'open',
  'released',
] as const;
export type CutoverStep = (typeof CUTOVER_STEPS)[number];

export interface CutoverReport {
  /**
   * ready: a dry run found nothing against it. refused: nothing was done. undone: it was begun and taken back, and the
   * lanes go on. done: the target is the primary, and its sequences are set.
   */
  outcome: 'ready' | 'refused' | 'undone' | 'done';
  /** ISO. */
  at: string;
  /** Why it was refused or undone. */
  reasons: string[];
  /** Where the lanes stood; without a fence only. */
  stop?: StopReport;
  sequencesSet?: number;
  /** Of one that could begin: what it will do to others, and what it will not bring along. */
  warnings?: string[];
  /** Done, and lanes the other way keep what was the primary up to date. */
  wayBack?: true;
  /** Absent: forward. back: a rollback. */
  direction?: Direction;
  fence?: FenceReport;
}

/** What a look before a cutover found. */
export interface CutoverFindings {
  /** Each is against it; none: it can begin. */
  reasons: string[];
  /** What it will do to others, and what it will not bring along. */
  warnings?: string[];
}

/** What the fence did, with times in milliseconds. */
export interface FenceReport {
  kind: Fence;
  /** ISO, by the worker's clock: when the first writer may have had to wait. */
  begunAt: string;
  /** When each step was done, in ms since then. */
  steps: { step: CutoverStep; ms: number }[];
  /** From `begunAt` until the target could be written: steps `open` of the report, or `undone` of one that was taken back. */
  pauseMs: number;
  /** Transactions of others that were cancelled, so that the fence could be had. */
  cancelled: number;
  /** Sessions of others that were ended on the old primary. */
  ended: number;
  /** The end of the marker's commit on the old primary; where each lane stood. */
  marker?: Lsn;
  lanes?: { lane: LaneName; lsn: Lsn }[];
  /** Transactions with changes of our tables that the lanes' slots show after the marker: 0, or something went past the fence. */
  transactionsAfterMarker?: number;
  hooks: HookResult[];
  /** What others should know: what could not be closed, and what was not brought along. */
  warnings: string[];
}

/** The three moments at which hooks are called; `undo` only where `before` was. */
export type HookMoment = 'before' | 'open' | 'undo';

/** Of a primary, as the spec names it. */
export interface Address {
  host: string;
  port: number;
  database: string;
}

/** What a hook is told, as JSON. */
export interface HookMessage {
  version: 1;
  migration: string;
  owner: string;
  moment: HookMoment;
  direction: Direction;
  /** Of this cutover alone. */
  marker: string;
  from: Address;
  to: Address;
  /** Where clients belong now: `to` from `open` on, else `from`. */
  primary: Address;
}

export interface HookResult {
  /** From 1 on: its place in the spec. */
  n: number;
  kind: 'command' | 'http' | 'pgbouncer';
  moment: HookMoment;
  ok: boolean;
  /** How often it was tried. */
  attempts: number;
  ms: number;
  /** What it did, or why it failed; no secret is in it. */
  text: string;
}
