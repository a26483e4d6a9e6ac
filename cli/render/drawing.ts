import type { LiveFigures, MigrationState } from '../../client/index.js';
import type { Paint } from './colour.js';

/** What every part of the drawing needs. */
export interface Drawing {
  state: MigrationState;
  live: LiveFigures[];
  width: number;
  paint: Paint;
  now: Date;
}
