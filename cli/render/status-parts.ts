import type { LaneFigures, MigrationState } from '../../client/index.js';
import { formatBytes, formatClock, formatMany } from './format.js';
import { monitorFigures } from './monitor-line.js';
import { SET_ASIDE, notableEvents } from './notable-events.js';
import type { Drawing } from './drawing.js';
import { padTo, plain, wrapTo } from './text.js';

/** One line a lane, and one with what is wrong with it. */
export function renderLanes(drawing: Drawing): string[] {
  const { state, paint, width } = drawing;
  const figures = new Map(monitorFigures(drawing)?.lanes.map((lane) => [lane.lane, lane]));
  const nameWidth = Math.max(0, ...state.lanes.map(({ name }) => name.length));
  return state.lanes
    .filter(({ status }) => status !== 'dropped')
    .flatMap((lane) => {
      const measured = lane.status === 'stopped' ? undefined : figures.get(lane.name);
      const facts = [formatMany(lane.tables, 'table'), ...(measured ? factsOf(measured) : [])];
      const faults = measured ? faultsOf(measured) : [];
      return [
        `lane ${padTo(lane.name, nameWidth)}  ${padTo(lane.status, 10)}  ${facts.join(' · ')}`,
        ...(faults.length > 0
          ? wrapTo(`⚠ ${faults.join(' · ')}`, { width, indent: '     ' }).map(paint.yellow)
          : []),
      ];
    });
}

/** Of tables that are not replicated yet so many are named in a line. */
const NAMED = 3;

function factsOf({ retainedBytes, tables, notReady = [] }: LaneFigures): string[] {
  const waiting = Object.entries(tables).filter(([state, count]) => state !== 'r' && count > 0);
  const names = notReady.slice(0, NAMED).map(plain);
  return [
    `WAL kept ${formatBytes(retainedBytes)}`,
    ...waiting.map(([state, count]) => `${formatMany(count, 'table')} in state ${plain(state)}`),
    ...(names.length > 0 ? [`${names.join(', ')}${notReady.length > NAMED ? ' …' : ''}`] : []),
  ];
}

function faultsOf(figures: LaneFigures): string[] {
  const { enabled, slotActive, walStatus, invalidationReason, errors, slotOnly } = figures;
  const why = invalidationReason === undefined ? '' : ` (${plain(invalidationReason)})`;
  return [
    // Of a lane that is not subscribed yet nothing else is expected.
    ...(enabled || slotOnly ? [] : ['subscription disabled']),
    ...(slotActive || slotOnly ? [] : ['slot not active']),
    ...(walStatus === null || walStatus === 'reserved' ? [] : [`slot ${walStatus}${why}`]),
    ...(errors.apply === undefined || errors.apply === '0' ? [] : [`${errors.apply} apply errors`]),
    ...(errors.sync === undefined || errors.sync === '0' ? [] : [`${errors.sync} sync errors`]),
    ...Object.entries(errors.conflicts ?? {}).map(([kind, count]) => `${count} × ${kind}`),
  ];
}

/** Where the lanes stand, what was done at the end, and what is left for a person. */
export function renderEnd({ state, width, paint }: Drawing): string[] {
  const { outcome } = state;
  const report = outcome?.report ?? state.stop?.report;
  const lanes = (report?.lanes ?? []).map(({ lane, lsn }) => `${lane} stands at ${lsn}`);
  const late = report?.late === undefined ? [] : [paint.yellow(`the stop was late: ${plain(report.late)}`)];
  const next = state.status === 'stopped' || state.stage === 'protect' ? renderNext(state) : [];
  if (!outcome) return [...lanes, ...late, ...next];
  const sequences =
    outcome.sequencesSet === undefined ? [] : [`${formatMany(outcome.sequencesSet, 'sequence')} set`];
  return [
    ...lanes,
    ...late,
    ...sequences,
    ...outcome.notes.flatMap((note) => wrapTo(note, { width })),
    ...(outcome.leftovers.length === 0 ? [] : [paint.yellow('could not be removed:')]),
    ...outcome.leftovers.flatMap((leftover) => wrapTo(leftover, { width, indent: '  ' })),
  ];
}

/** What can be sent to lanes that stand, or once the target is the primary. */
function renderNext({ name, stage, cutover }: MigrationState): string[] {
  if (stage === 'protect' || (stage === 'cutover' && cutover?.fence))
    return [
      `next:  pgtrek finish ${name}    clean up, complete`,
      ...(stage === 'protect' ? [`       pgtrek rollback ${name}  make the source the primary again`] : []),
    ];
  const finish = stage === 'cutover' ? 'clean up, complete' : 'set the sequences, clean up, complete';
  return [
    `next:  pgtrek finish ${name}   ${finish}`,
    ...(stage === 'cutover' ? [] : [`       pgtrek cutover ${name}  set the sequences, report, stand`]),
    `       pgtrek resume ${name}   replicate on, no stop planned`,
    `       pgtrek abort ${name}    give up, clean up`,
  ];
}

/** More of them are told by `pgtrek events`. */
const SET_ASIDE_SHOWN = 5;

/** What the load went on without, for a person to look at. */
export function renderSetAside({ state, width, paint }: Drawing): string[] {
  const events = state.events.filter(({ kind }) => kind === SET_ASIDE);
  if (events.length === 0) return [];
  const more = events.length - SET_ASIDE_SHOWN;
  return [
    paint.yellow('⚠ set aside:'),
    ...events.slice(0, SET_ASIDE_SHOWN).flatMap(({ text }) => wrapTo(text, { width, indent: '  ' })),
    ...(more > 0 ? [`  … and ${more} more, see:  pgtrek events ${state.name}`] : []),
  ];
}

export function renderEvents({ state, now, paint }: Drawing, count: number): string[] {
  if (count <= 0) return [];
  return notableEvents(state.events)
    .filter(({ kind }) => kind !== SET_ASIDE)
    .slice(-count)
    .map(({ at, kind, text }) => paint.dim(`${formatClock(at, now)}  ${plain(kind)}  ${plain(text)}`));
}
