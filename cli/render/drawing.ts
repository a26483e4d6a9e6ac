import type { LiveFigures, LoadProgress, MigrationState } from '../../client/index.js';
import type { Paint } from './colour.js';

/** What every part of the drawing needs. */
export interface Drawing {
  state: MigrationState;
  live: LiveFigures[];
  /** While rows are copied. */
  load: LoadProgress | undefined;
  /** How many of the tables that are being copied have a line of their own. */
  copies: number;
  width: number;
  paint: Paint;
  now: Date;
}
