/** What validate says: findings, what mends them, and what each stage will take. */
import type { StageName } from './state.js';

export interface Finding {
  /** A stable id such as `source.wal_level`. */
  id: string;
  /** What it is about: `source`, `target`, `source.table public.orders`… */
  scope: string;
  verdict: 'ok' | 'warn' | 'block';
  /** What was found, with the values. */
  why: string;
  /** The statement or step that mends it. */
  remedy?: string;
  /** The server needs a restart after that. */
  restart?: boolean;
  /** What of it `pgtrek validate --fix` can run by itself. */
  fix?: Fix;
  /** More objects of the same finding than `why` names. */
  more?: number;
}

/** Statements that mend a finding as they stand, with nothing to fill in. */
export interface Fix {
  on: 'source' | 'target';
  /** Each is one statement, run alone, in this order. */
  statements: string[];
  /** What takes them back when the migration is cleaned up; without it they stay. */
  undo?: string[];
}

/** What a stage will take, as far as it can be known beforehand. */
export interface Estimate {
  stage: StageName;
  seconds: number;
  /** What it carries or builds. A string: it may pass 2^53. */
  bytes?: string;
  /** What it is reckoned from: `12 GB at 80 MB/s, as read from the source just now`. */
  how: string;
}

/** Both servers answer. */
export function bothAnswer(findings: Finding[]): boolean {
  return !findings.some(({ id, verdict }) => verdict === 'block' && /^(source|target)\.connection$/.test(id));
}

export interface Validation {
  findings: Finding[];
  /** None where a server cannot be used. */
  estimates: Estimate[];
}
