/** Drift, as monitor and the snapshot's keeper report it: kept in the state, and told once for each change. */
import { describeChange } from '../contract/schema-change.js';
import type { MonitorFigures, SeenDrift } from '../contract/state.js';
import { takeAlerts } from './alerts.js';
import { note } from './run.js';
import type { MigrationRun } from './run.js';

/** An event names so many; the state holds more. */
const TOLD = 5;

/** What a round of monitor saw; no drift when the catalogs could not be read. */
export function takeFigures(run: MigrationRun, { drift, ...figures }: MonitorFigures): void {
  takeWal(run, figures);
  // Without the target nothing was compared.
  const isCompared = figures.driftUnknown === undefined && figures.lanes.some(({ slotOnly }) => !slotOnly);
  if (isCompared) takeDrift(run, drift);
}

/** What a watch saw that looks for no drift. */
export function takeWal(run: MigrationRun, { alerts, ...figures }: MonitorFigures): void {
  run.state.monitor = figures;
  if (alerts) takeAlerts(run, alerts);
}

export function takeDrift(run: MigrationRun, seen: SeenDrift | undefined): void {
  const known = run.state.drift;
  if (seen?.digest === known?.digest) return;
  if (!seen) {
    delete run.state.drift;
    delete run.progress.metDrift;
    note(run, 'drift', 'the schema of the source is again the one that was dumped');
    return;
  }
  run.state.drift = { since: known?.since ?? new Date().toISOString(), ...seen };
  note(run, 'drift', `the schema of the source has changed: ${describeChanges(seen)}`);
}

function describeChanges({ changes, total }: SeenDrift): string {
  const told = changes.slice(0, TOLD).map(describeChange);
  const more = total - told.length;
  return [...told, ...(more > 0 ? [`and ${String(more)} more`] : [])].join('; ');
}
