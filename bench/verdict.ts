/** One run whose result was checked and is right. */
export interface Run {
  /** From 1; all subjects have their run of one round before the next begins. */
  round: number;
  seconds: number;
  /** Absent where the system does not tell. */
  peakBytes?: number;
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

export function secondsByRound({ runs }: Measured): Map<number, number> {
  return new Map(runs.map(({ round, seconds }) => [round, seconds]));
}

/** The highest of all runs; undefined where the system does not tell. */
export function peakBytesOf({ runs }: Measured): number | undefined {
  const peaks = runs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}
