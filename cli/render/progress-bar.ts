import type { Paint } from './colour.js';

export const CELLS = 24;

/** `━━━━━━━━━╌╌╌╌`: how much of 1 is done; full only when all is. */
export function renderBar(fraction: number, paint: Paint, cells = CELLS): string {
  const full = Math.floor(Math.min(1, Math.max(0, fraction)) * cells);
  return paint.cyan('━'.repeat(full)) + paint.dim('╌'.repeat(cells - full));
}
