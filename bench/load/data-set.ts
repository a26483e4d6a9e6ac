import type { Client } from 'pg';

/** Their names on the command line, and of the cases. */
export const DATA_SET_NAMES = ['mixed', 'single', 'many'] as const;
export type DataSetName = (typeof DATA_SET_NAMES)[number];

/** The data that moves: made by SQL alone, the same at every run. */
export interface DataSet {
  name: DataSetName;
  /** @param scale share of the full set */
  fill: (client: Client, scale: number) => Promise<void>;
}
