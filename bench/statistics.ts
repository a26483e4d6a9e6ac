export interface Summary {
  median: number;
  min: number;
  max: number;
}

/** Of one value or more. */
export function summarize(values: number[]): Summary {
  const rising = [...values].sort((a, b) => a - b);
  const min = rising[0];
  const max = rising.at(-1);
  if (min === undefined || max === undefined) throw new Error('there is nothing to summarize');
  // Of an even number of values, both middle ones.
  const below = rising[Math.floor((rising.length - 1) / 2)] ?? min;
  const above = rising[Math.floor(rising.length / 2)] ?? max;
  return { median: (below + above) / 2, min, max };
}

/**
 * The median of the ratios round by round: what was measured at about the same time is compared, so that a machine
 * which becomes slower meanwhile harms neither side. Undefined where the sides have no round in common.
 */
export function ratioByRound(values: Map<number, number>, baseline: Map<number, number>): number | undefined {
  const ratios = [...values].flatMap(([round, value]) => {
    const base = baseline.get(round);
    return base === undefined || base === 0 ? [] : [value / base];
  });
  return ratios.length === 0 ? undefined : summarize(ratios).median;
}
