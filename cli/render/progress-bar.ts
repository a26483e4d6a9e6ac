import type { Paint } from './colour.js';

const CELLS = 24;

/** `━━━━━━━━━╌╌╌╌`: how much of 1 is done. */
export function renderBar(fraction: number, paint: Paint, cells = CELLS): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * cells);
  return paint.cyan('━'.repeat(full)) + paint.dim('╌'.repeat(cells - full));
}
