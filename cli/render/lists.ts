import type { MigrationEvent, MigrationSummary } from '../../client/index.js';
import { renderColumns } from './columns.js';
import { formatTime } from './format.js';
import { plain } from './text.js';

export function renderMigrations(migrations: MigrationSummary[], width: number): string[] {
  if (migrations.length === 0) return ['no migrations'];
  const columns = ['name', 'workflow', 'mode', 'source', 'target', 'started', 'ended'].map((title) => ({
    title,
  }));
  const rows = migrations.map(({ name, workflow, mode, source, target, startedAt, endedAt }) => [
    plain(name),
    workflow,
    mode ?? '',
    plain(source ?? ''),
    plain(target ?? ''),
    formatTime(startedAt),
    endedAt === undefined ? '' : formatTime(endedAt),
  ]);
  return renderColumns(columns, rows, width);
}

/** Not cut: events are read in a log, and searched. */
export function renderEventLines(events: MigrationEvent[]): string[] {
  return events.map(
    ({ n, at, kind, text }) => `${String(n).padStart(4)}  ${formatTime(at)}  ${plain(kind)}  ${plain(text)}`,
  );
}
