/** When each stage ran, what the charts mark, and which alerts stood: told by the events. Pure. */
import { STAGES } from '../../contract/state.js';
import type { MigrationEvent, StageName } from '../../contract/state.js';
import type { Collected } from './collected.js';
import type { MarkKind, ReportAlert, ReportMark, ReportStage } from './shape.js';

/** Each time that a stage ran, in their order; then those that are still to come. `endedAt`: of the migration. */
export function stagesOf(
  collected: Collected,
  events: MigrationEvent[],
  end: { endedAt: string | undefined; isFinished: boolean },
): ReportStage[] {
  const ran = fromEvents(events);
  addFromState(ran, collected);
  addFromActivities(ran, collected);
  ran.sort(
    (a, b) => (a.startedAt ?? '').localeCompare(b.startedAt ?? '') || orderOf(a.name) - orderOf(b.name),
  );
  if (end.endedAt !== undefined) closeOpen(ran, { endedAt: end.endedAt, isFinished: end.isFinished });
  const waiting = (collected.state?.stages ?? []).filter(
    ({ name, status }) => status === 'waiting' && end.endedAt === undefined && !isOpen(ran, name),
  );
  return [...ran, ...waiting.map(({ name, status }): ReportStage => ({ name, status }))];
}

function orderOf(name: StageName): number {
  return STAGES.indexOf(name);
}

function isOpen(ran: ReportStage[], wanted: StageName): boolean {
  return ran.some(({ name, endedAt }) => name === wanted && endedAt === undefined);
}

function fromEvents(events: MigrationEvent[]): ReportStage[] {
  const ran: ReportStage[] = [];
  for (const { kind, text, at } of events) {
    const name = STAGES.find((each) => text.startsWith(`${each} `));
    if (kind === 'stage' && name) ran.push({ name, status: 'running', startedAt: at });
    if (kind === 'stage-done' && name) endLast(ran, name, at);
    if (kind === 'restarted') closeOpen(ran, { endedAt: at, isFinished: false });
  }
  return ran;
}

function endLast(ran: ReportStage[], wanted: StageName, endedAt: string): void {
  const stage = ran.findLast(({ name, endedAt: ended }) => name === wanted && ended === undefined);
  if (stage) Object.assign(stage, { status: 'done', endedAt });
}

/** A stage that the migration left as it ended was either its last or was left unfinished. */
function closeOpen(
  ran: ReportStage[],
  { endedAt, isFinished }: { endedAt: string; isFinished: boolean },
): void {
  for (const [index, stage] of ran.entries()) {
    if (stage.endedAt !== undefined) continue;
    // Where events are missing, the next stage tells that this one was over.
    stage.endedAt = ran[index + 1]?.startedAt ?? endedAt;
    if (isFinished) stage.status = 'done';
  }
}

/** Where the events of its beginning are gone. */
function addFromState(ran: ReportStage[], { state }: Collected): void {
  for (const stage of state?.stages ?? []) {
    const { startedAt } = stage;
    if (startedAt === undefined || ran.some((known) => isSame(known, stage.name, startedAt))) continue;
    ran.push({ ...stage });
  }
}

/** The event is noted right after the state. */
function isSame({ name, startedAt }: ReportStage, wanted: StageName, at: string): boolean {
  return name === wanted && Math.abs(Date.parse(startedAt ?? '') - Date.parse(at)) < 2_000;
}

/** Of a migration that nobody has asked, the activities alone tell. */
function addFromActivities(ran: ReportStage[], { stages }: Collected): void {
  for (const [name, { startedAt, endedAt }] of stages) {
    const known = ran.filter((stage) => stage.name === name);
    if (known.length === 0) ran.push({ name, status: 'done', startedAt, endedAt, approximate: true });
  }
}

const MARKED: Readonly<Record<string, MarkKind>> = {
  pause: 'pause',
  resume: 'resume',
  stopped: 'stop',
  cutover: 'cutover',
  rollback: 'cutover',
  blocked: 'blocked',
  alert: 'alert',
  restarted: 'restart',
  drift: 'schema',
  adopted: 'schema',
};

/** A chart with more cannot be read. */
const MARKS_KEPT = 200;

/** Without events, the markers that were committed are known all the same. */
export function marksOf(events: MigrationEvent[], { stops, fences }: Collected): ReportMark[] {
  const marks = events.flatMap(({ at, kind, text }): ReportMark[] => {
    const marked = MARKED[kind];
    return marked === undefined ||
      /^over: |^a cutover could begin|^(cutover|rollback) was asked for/.test(text)
      ? []
      : [{ at, kind: marked, text }];
  });
  const isNear = (kind: MarkKind, at: string) =>
    marks.some((mark) => mark.kind === kind && Math.abs(Date.parse(mark.at) - Date.parse(at)) < 10_000);
  for (const { committedAt, purpose, confirmed } of stops.values()) {
    const kind = purpose.startsWith('pause') ? 'pause' : 'stop';
    if (confirmed && !isNear(kind, committedAt) && !isNear('cutover', committedAt))
      marks.push({ at: committedAt, kind, text: purpose });
  }
  for (const { at, result } of fences)
    if (!isNear('cutover', at)) marks.push({ at, kind: 'cutover', text: `cutover: ${result.outcome}` });
  return marks.sort((a, b) => a.at.localeCompare(b.at)).slice(-MARKS_KEPT);
}

export function alertsOf(events: MigrationEvent[]): ReportAlert[] {
  const alerts: ReportAlert[] = [];
  for (const { kind, text, at } of events) {
    if (kind !== 'alert') continue;
    const [, over] = /^over: (.*)$/s.exec(text) ?? [];
    if (over === undefined) alerts.push({ text, since: at });
    else endAlert(alerts, over, at);
  }
  return alerts.slice(-MARKS_KEPT);
}

/** The figures in the text of one that stands are kept up to date, so the end may tell others than the beginning. */
function endAlert(alerts: ReportAlert[], text: string, until: string): void {
  const standing = alerts.filter((alert) => alert.until === undefined);
  const alert =
    standing.findLast((each) => each.text === text) ??
    standing.findLast((each) => wordsOf(each.text) === wordsOf(text));
  if (alert) alert.until = until;
}

function wordsOf(text: string): string {
  return text.replaceAll(/[^a-z]+/gi, ' ').slice(0, 30);
}
