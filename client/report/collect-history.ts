/** What the events of a history tell a report. */
import { SNAPSHOT_SIGNAL } from '../../contract/messages.js';
import type { MigrationState, Outcome } from '../../contract/state.js';
import type { Decode } from '../decode-payload.js';
import { NEEDS_INPUT, collectActivity, collectSchedule } from './collect-activity.js';
import { collectState, collectStopReport, keepLast } from './collected.js';
import type { Collected } from './collected.js';
import type { HistoryEvent } from './read-runs.js';
import type { ReportMessage, ReportRun } from './shape.js';

type Payloads = NonNullable<
  NonNullable<HistoryEvent['workflowExecutionStartedEventAttributes']>['input']
>['payloads'];

interface OpenActivity {
  type: string;
  input?: unknown;
  summary?: string | undefined;
  startedAt: string;
}

/** One run, while its events come. */
interface Reading {
  collected: Collected;
  run: ReportRun;
  decode: Decode;
  /** By the number of their scheduling. */
  open: Map<string, OpenActivity>;
}

/** As many as a page can show; a restart or a long history makes a new one. */
const RUNS_KEPT = 500;

/** Takes in one run, from its first event to its last. Returns the run that continues it. */
export async function collectRun(
  collected: Collected,
  runId: string,
  events: AsyncIterable<HistoryEvent> | Iterable<HistoryEvent>,
  decode: Decode,
): Promise<string | undefined> {
  const run: ReportRun = { runId, startedAt: '', events: 0 };
  const tolerant: Decode = async (payload) => {
    try {
      return await decode(payload);
    } catch {
      collected.unreadable += 1;
      return undefined;
    }
  };
  const reading: Reading = { collected, run, decode: tolerant, open: new Map() };
  if (collected.runs.length === RUNS_KEPT) {
    collected.runs.shift();
    collected.runsLeftOut += 1;
  }
  collected.runs.push(run);
  let next: string | undefined;
  for await (const event of events) {
    run.events += 1;
    await collectEvent(reading, event);
    next ??= event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
  return next;
}

async function collectEvent(reading: Reading, event: HistoryEvent): Promise<void> {
  await takeTask(reading, event);
  await takeActivity(reading, event);
  await takeMessage(reading, event);
  await takeEnd(reading, event);
}

/** Seconds are a Long over the wire, and may be a number in a history that was read from a file. */
function timeOf({ eventTime }: HistoryEvent): string {
  if (!eventTime) return '';
  return new Date(
    Number(String(eventTime.seconds ?? 0)) * 1_000 + (eventTime.nanos ?? 0) / 1e6,
  ).toISOString();
}

async function takeTask(reading: Reading, event: HistoryEvent): Promise<void> {
  const { collected, run, decode } = reading;
  const started = event.workflowExecutionStartedEventAttributes;
  if (started) {
    run.startedAt = timeOf(event);
    const [input, carried] = await decodeAll(decode, started.input?.payloads);
    if (typeof input === 'object' && input !== null) collected.input = input;
    collected.memo ??= (await decode(started.memo?.fields?.['pgtrek'])) as NonNullable<Collected['memo']>;
    if (!started.continuedExecutionRunId && started.identity) collected.startedBy = started.identity;
    takeCarried(collected, carried);
  }
  const done = event.workflowTaskCompletedEventAttributes;
  if (!done) return;
  const { sdkName, sdkVersion } = done.sdkMetadata ?? {};
  if (sdkVersion) collected.sdk.add(`${sdkName || 'SDK'} ${sdkVersion}`);
  addWorker(collected, done.identity);
}

/** What the run before handed over; after a restart it begins anew, and keeps its events. */
function takeCarried(collected: Collected, carried: unknown): void {
  if (typeof carried !== 'object' || carried === null) return;
  const { spec, state } = carried as { spec?: Collected['spec']; state?: unknown };
  if (spec) collected.spec = spec;
  if (isState(state)) collectState(collected, state);
}

/** A worker that is restarted has another identity each time. */
const WORKERS_KEPT = 50;

function addWorker({ workers }: Collected, identity: string | null | undefined): void {
  if (identity && workers.size < WORKERS_KEPT) workers.add(identity);
}

async function takeActivity(reading: Reading, event: HistoryEvent): Promise<void> {
  const { collected, decode, open } = reading;
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) {
    const type = scheduled.activityType?.name ?? '';
    collectSchedule(collected, type);
    const [input] = NEEDS_INPUT.has(type) ? await decodeAll(decode, scheduled.input?.payloads) : [];
    const summary = (await decode(event.userMetadata?.summary)) as string | undefined;
    open.set(String(event.eventId), { type, input, summary, startedAt: timeOf(event) });
    return;
  }
  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    addWorker(collected, started.identity);
    const activity = open.get(String(started.scheduledEventId));
    if (activity) activity.startedAt = timeOf(event);
    return;
  }
  const completed = event.activityTaskCompletedEventAttributes;
  const ended =
    completed ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  if (!ended) return;
  const id = String(ended.scheduledEventId);
  const activity = open.get(id);
  open.delete(id);
  if (!activity || !completed) return;
  const [result] = await decodeAll(decode, completed.result?.payloads);
  const { type, input, summary, startedAt } = activity;
  collectActivity(collected, type, { input, result, summary, startedAt, endedAt: timeOf(event) });
}

const MESSAGES_KEPT = 2_000;

async function takeMessage(reading: Reading, event: HistoryEvent): Promise<void> {
  const { collected, decode } = reading;
  const at = timeOf(event);
  const signaled = event.workflowExecutionSignaledEventAttributes;
  // The snapshot's keeper talks to its own workflow.
  if (signaled && signaled.signalName !== SNAPSHOT_SIGNAL) {
    const [argument] = await decodeAll(decode, signaled.input?.payloads);
    const { signalName: name, identity } = signaled;
    addMessage(collected, {
      at,
      kind: 'signal',
      name: name ?? '',
      identity: identity ?? '',
      ...told(argument),
    });
  }
  const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
  if (accepted) {
    const { meta, input } = accepted.acceptedRequest ?? {};
    const [argument] = await decodeAll(decode, input?.args?.payloads);
    const message: ReportMessage = {
      at,
      kind: 'update',
      name: input?.name ?? '',
      identity: meta?.identity ?? '',
      ...told(argument),
    };
    if (meta?.updateId) collected.openUpdates.set(meta.updateId, message);
    addMessage(collected, message);
  }
  await takeAnswer(reading, event);
  const addEnd = (kind: 'cancel' | 'terminate', identity?: string | null, reason?: string | null) =>
    addMessage(collected, { at, kind, name: kind, identity: identity ?? '', ...(reason ? { reason } : {}) });
  const cancelled = event.workflowExecutionCancelRequestedEventAttributes;
  if (cancelled) addEnd('cancel', cancelled.identity, cancelled.cause);
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated) addEnd('terminate', terminated.identity, terminated.reason);
}

/** An Update is answered with the state after it. */
async function takeAnswer({ collected, decode }: Reading, event: HistoryEvent): Promise<void> {
  const { meta, outcome } = event.workflowExecutionUpdateCompletedEventAttributes ?? {};
  if (!meta?.updateId) return;
  const message = collected.openUpdates.get(meta.updateId);
  collected.openUpdates.delete(meta.updateId);
  if (outcome?.failure && message) message.refused = outcome.failure.message ?? 'refused';
  const [state] = await decodeAll(decode, outcome?.success?.payloads);
  if (isState(state)) collectState(collected, state);
}

function addMessage(collected: Collected, message: ReportMessage): void {
  if (collected.messages.length === MESSAGES_KEPT) collected.messagesLeftOut += 1;
  collected.messages = keepLast(collected.messages, message, MESSAGES_KEPT);
}

function told(argument: unknown): Pick<ReportMessage, 'by' | 'reason' | 'argument'> {
  if (argument === undefined || argument === null) return {};
  if (typeof argument !== 'object' || Array.isArray(argument)) return { argument };
  const { by, reason, ...rest } = argument as Record<string, unknown>;
  return {
    ...(typeof by === 'string' ? { by } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(Object.keys(rest).length > 0 ? { argument: rest } : {}),
  };
}

async function takeEnd({ collected, run, decode }: Reading, event: HistoryEvent): Promise<void> {
  const ended = endOf(event);
  if (!ended) return;
  run.ended = ended;
  run.endedAt = timeOf(event);
  const completed = event.workflowExecutionCompletedEventAttributes;
  const [outcome] = await decodeAll(decode, completed?.result?.payloads);
  if (isOutcome(outcome)) {
    collected.outcome = outcome;
    if (outcome.report) collectStopReport(collected, outcome.report);
  }
  const failure = event.workflowExecutionFailedEventAttributes?.failure;
  if (failure) {
    const code = failure.applicationFailureInfo?.type ?? failure.cause?.applicationFailureInfo?.type;
    collected.failure = { code: code || 'INTERNAL_ERROR', message: failure.message ?? '' };
  }
}

function endOf(event: HistoryEvent): ReportRun['ended'] {
  if (event.workflowExecutionCompletedEventAttributes) return 'completed';
  if (event.workflowExecutionContinuedAsNewEventAttributes) return 'continued';
  if (event.workflowExecutionFailedEventAttributes) return 'failed';
  if (event.workflowExecutionCanceledEventAttributes) return 'cancelled';
  if (event.workflowExecutionTerminatedEventAttributes) return 'terminated';
  return event.workflowExecutionTimedOutEventAttributes ? 'timed-out' : undefined;
}

function decodeAll(decode: Decode, payloads: Payloads): Promise<unknown[]> {
  return Promise.all((payloads ?? []).map((payload) => decode(payload)));
}

function isState(value: unknown): value is MigrationState {
  return typeof value === 'object' && value !== null && 'stages' in value && 'events' in value;
}

function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && 'outcome' in value;
}
