import { METRICS } from './metrics.js';
import type { Measures, Metric } from './metrics.js';
import { summarize } from './statistics.js';

/** One run whose result was checked and is right. */
export interface Run {
  /** From 1; all subjects have their run of one round before the next begins. */
  round: number;
  seconds: number;
  measures: Measures;
  /** Where the time went, in seconds; empty where the subject does not tell. */
  phases: Record<string, number>;
}

/** What came of one subject. Figures are there only if every one of its runs had a right result. */
export type Verdict =
  | { subject: string; kind: 'measured'; runs: Run[] }
  | { subject: string; kind: 'not run'; reason: string }
  | { subject: string; kind: 'failed'; reason: string };

export type Measured = Extract<Verdict, { kind: 'measured' }>;

export function isMeasured(verdict: Verdict): verdict is Measured {
  return verdict.kind === 'measured';
}

/** The subject's runs; undefined where it was not measured. */
export function measuredOf(verdicts: Verdict[], subject: string): Measured | undefined {
  return verdicts.filter(isMeasured).find((verdict) => verdict.subject === subject);
}

export function secondsByRound({ runs }: Measured): Map<number, number> {
  return new Map(runs.map(({ round, seconds }) => [round, seconds]));
}

/** Of all runs the highest, or the median, as the metric says; undefined where no run has it. */
export function measureOf({ runs }: Measured, metric: Metric): number | undefined {
  const values = runs.flatMap(({ measures }) => measures[metric] ?? []);
  if (values.length === 0) return undefined;
  return summarize(values)[METRICS[metric].ofRuns];
}

/** The median of each phase, in the order of the first run. */
export function phasesOf({ runs }: Measured): [name: string, seconds: number][] {
  return Object.keys(runs[0]?.phases ?? {}).map((name) => [
    name,
    summarize(runs.flatMap(({ phases }) => phases[name] ?? [])).median,
  ]);
}
