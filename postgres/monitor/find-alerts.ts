/** What a person should look at, from what was measured. Pure. */
import type { Spec } from '../../contract/spec.js';
import type { FoundAlert, LaneFigures, MonitorFigures, OpenTransaction } from '../../contract/state.js';
import { millisecondsOf } from '../../contract/values.js';

/** An alert goes only when it is a tenth below its threshold: figures that sway around it would flood the events. */
const GOES_BELOW = 0.9;

/** Of the budget; only the highest that stands is told. */
const LEVELS = [100, 80, 50];

/** Of max_slot_wal_keep_size: the server invalidates the slot when all of it is used. */
const SLOT_SHARE = 0.8;

/** Alerts that stand now; `known` are the ids of those that stood before. What was not measured stays as it was. */
export function findAlerts(
  figures: MonitorFigures,
  { cdc }: Pick<Spec, 'cdc'>,
  known: string[],
): FoundAlert[] {
  const stands = (id: string, value: number, threshold: number) =>
    value >= (known.includes(id) ? threshold * GOES_BELOW : threshold);
  return [
    ...findWal(figures, cdc.walBudget, known),
    ...findUnreserved(figures.lanes, stands),
    ...findLag(figures, { span: cdc.alerts.lag, known, stands }),
    ...findOpenTransaction(figures.openTransactions ?? [], cdc.alerts.openTransaction, stands),
    ...findConflicts(figures.lanes, known),
  ];
}

type Stands = (id: string, value: number, threshold: number) => boolean;

function findWal(
  { retainedBytes = '0', walBudget }: MonitorFigures,
  budget: string | undefined,
  known: string[],
): FoundAlert[] {
  if (walBudget === undefined || budget === undefined) return [];
  const percent = (Number(retainedBytes) / Number(walBudget)) * 100;
  // One that stood at a higher level leaves this one no sooner either.
  const stood = Math.max(0, ...LEVELS.filter((level) => known.includes(`wal-${String(level)}`)));
  const level = LEVELS.find((each) => percent >= (stood >= each ? each * GOES_BELOW : each));
  if (level === undefined) return [];
  const share = `${String(Math.floor(percent))} % of cdc.walBudget (${budget})`;
  return [
    {
      id: `wal-${String(level)}`,
      text: `our slots hold back ${formatBytes(retainedBytes)} of WAL on the source, ${share}`,
    },
  ];
}

/** `extended` alone is no danger: the server says so of every slot that holds back more than max_wal_size. */
function findUnreserved(lanes: LaneFigures[], stands: Stands): FoundAlert[] {
  const shareOf = ({ retainedBytes, safeWalSize, walStatus }: LaneFigures) => {
    if (walStatus === 'unreserved') return 1;
    const retained = Number(retainedBytes);
    return safeWalSize === undefined ? 0 : retained / Math.max(1, retained + Number(safeWalSize));
  };
  const endangered = lanes.filter((lane) => stands('slot-unreserved', shareOf(lane), SLOT_SHARE));
  if (endangered.length === 0) return [];
  const told = endangered.map(
    ({ lane, walStatus, safeWalSize = '0' }) =>
      `${lane} (wal_status ${String(walStatus)}, ${formatBytes(safeWalSize)} left)`,
  );
  return [
    {
      id: 'slot-unreserved',
      text: `the source is about to invalidate slots of ours by max_slot_wal_keep_size: ${told.join(', ')}`,
    },
  ];
}

/** Lanes that stand on purpose fall behind on purpose. */
function findLag(
  { lagMs, lagBytes, lanes }: MonitorFigures,
  { span, known, stands }: { span: string; known: string[]; stands: Stands },
): FoundAlert[] {
  const id = 'lag';
  if (lanes.some(({ slotOnly }) => !slotOnly)) {
    if (lagMs === null || lanes.every(({ enabled }) => !enabled)) return [];
    if (!stands(id, lagMs, millisecondsOf(span) ?? Infinity)) return [];
    return [{ id, text: `the target is ${formatSpan(lagMs / 1000)} behind (${formatBytes(lagBytes)})` }];
  }
  return known.includes(id) && lanes.length > 0
    ? [{ id, text: `the target was behind when it was seen last (${formatBytes(lagBytes)} now)` }]
    : [];
}

function findOpenTransaction(open: OpenTransaction[], span: string, stands: Stands): FoundAlert[] {
  const id = 'open-transaction';
  const limit = (millisecondsOf(span) ?? Infinity) / 1000;
  const old = open.filter(({ seconds }) => stands(id, seconds, limit));
  const [oldest] = old.toSorted((a, b) => b.seconds - a.seconds);
  if (!oldest) return [];
  const others = old.length > 1 ? ` (and ${String(old.length - 1)} more)` : '';
  return [{ id, text: `${describeOpen(oldest)}${others}; no slot can release WAL from its begin on` }];
}

function describeOpen({ pid, gid, seconds, user, database, application, state }: OpenTransaction): string {
  const facts = [user, `database ${database}`, ...(application === undefined ? [] : [application]), state];
  const who = gid === undefined ? `process ${String(pid)}` : `prepared transaction '${gid}'`;
  return `a transaction of the source is open for ${formatSpan(seconds)}: ${who} (${facts.join(', ')})`;
}

/** Counters never fall, so it stands until the subscription is made anew. */
function findConflicts(lanes: LaneFigures[], known: string[]): FoundAlert[] {
  const id = 'conflicts';
  const told = lanes.flatMap(({ lane, errors }) =>
    Object.entries(errors.conflicts ?? {}).map(([kind, count]) => `${count} × ${kind} in ${lane}`),
  );
  if (told.length > 0) return [{ id, text: `rows of the target conflict with changes: ${told.join(', ')}` }];
  return known.includes(id) && lanes.length > 0 && lanes.every(({ slotOnly }) => slotOnly)
    ? [{ id, text: 'rows of the target conflicted with changes when it was seen last' }]
    : [];
}

/** Whether others stand than those that are known; without any, none are looked for. */
export function isNews(alerts: FoundAlert[], known: string[] | undefined): boolean {
  if (known === undefined) return false;
  return alerts.length !== known.length || alerts.some(({ id }) => !known.includes(id));
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

function formatBytes(bytes: string): string {
  const value = Math.max(0, Number(bytes));
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  const count = value / 1024 ** step;
  return `${count.toFixed(step === 0 || count >= 100 ? 0 : 1)} ${UNITS[step] ?? ''}`;
}

function formatSpan(seconds: number): string {
  if (seconds < 120) return `${String(Math.floor(seconds))} s`;
  if (seconds < 7_200) return `${String(Math.floor(seconds / 60))} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}
