/** What is measured beside the time. */
export const METRICS = {
  /** Resident memory of the client's processes, all together. */
  'peak-memory': { unit: 'bytes', ofRuns: 'max' },
  /** Resident memory of pgtrek's worker process alone. */
  'worker-peak-memory': { unit: 'bytes', ofRuns: 'max' },
  'worker-cpu': { unit: 's', ofRuns: 'median' },
  'temporal-cpu': { unit: 's', ofRuns: 'median' },
  /** Of all workflows of the migration. */
  'history-events': { unit: 'events', ofRuns: 'max' },
  /** That are sent to the servers, one after the other. */
  statements: { unit: 'statements', ofRuns: 'max' },
} as const;
export type Metric = keyof typeof METRICS;

/** Absent where the system does not tell, or there is no such thing. */
export type Measures = Partial<Record<Metric, number>>;

export const METRIC_NAMES = Object.keys(METRICS) as Metric[];

/** Without those that are not known. */
export function knownMeasures(found: { [metric in Metric]?: number | undefined }): Measures {
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
