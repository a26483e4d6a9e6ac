/**
 * What may be sent to a running migration, as a Signal and as an Update of the same name, and what may be asked.
 * Each message is one optional JSON object; the parsers are total: they never throw and ignore unknown keys.
 */

export const QUERIES = { state: 'state', tables: 'tables', events: 'events' } as const;
/** Sent by the snapshot keeper (an activity) to its own workflow. */
export const SNAPSHOT_SIGNAL = 'snapshot';

export interface Sender {
  /** Who sends it, for the events. */
  by?: string;
  reason?: string;
}
export interface StopMessage extends Sender {
  /** Exactly one of the four. `at` is an ISO time, judged by the source's clock. */
  at?: string;
  lsn?: string;
  now?: true;
  never?: true;
  then?: StopThen;
}
/** finish: set sequences, remove all objects of ours, complete. wait: keep the stopped lanes for the next message. */
export type StopThen = 'finish' | 'wait';
export type RetryMessage = Sender;
export type FinishMessage = Sender;
export interface AbortMessage extends Sender {
  /** Consent to drop what the restore made on the target. */
  dropTarget?: boolean;
}

/** An argument that could not be decoded; every parser refuses it. */
export class Unreadable {
  private readonly encoding: string;

  constructor(encoding: string) {
    this.encoding = encoding;
  }

  toString(): string {
    return `a payload that cannot be read (encoding ${this.encoding || 'unknown'}; send json/plain)`;
  }
  /** What activities get in its place. */
  toJSON(): string {
    return this.toString();
  }
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

export interface MessageShapes {
  stop: StopMessage;
  retry: RetryMessage;
  finish: FinishMessage;
  abort: AbortMessage;
}
export type MessageName = keyof MessageShapes;

interface MessageDefinition<T> {
  /** Shown in the Web UI's dialog; carries an example of the JSON. */
  description: string;
  parse: (argument: unknown) => Parsed<T>;
}

export const MESSAGES: { [Name in MessageName]: MessageDefinition<MessageShapes[Name]> } = {
  stop: {
    description:
      'Stop replication at a point, or change one\'s mind: {"now": true} or {"at": "2026-12-01T02:00:00Z", "then": "finish"} or {"never": true}; then: finish | wait',
    parse: parseStop,
  },
  retry: { description: 'Go on after what blocks was mended: {}', parse: parseSender },
  finish: {
    description: 'Set the sequences, remove all objects of pgtrek and complete (once stopped): {}',
    parse: parseSender,
  },
  abort: {
    description: 'End the migration and clean up: {} or, to drop what was restored, {"dropTarget": true}',
    parse: parseAbort,
  },
};

export const MESSAGE_NAMES = Object.keys(MESSAGES) as MessageName[];

function parseStop(argument: unknown): Parsed<StopMessage> {
  const object = asObject(argument);
  if (!object) return notAnObject(argument);
  const { at, lsn, now, never, then } = object;
  const asked = [at, lsn, now, never].filter(
    (value) => value !== undefined && value !== null && value !== false,
  );
  if (asked.length !== 1) return { ok: false, reason: 'give exactly one of at, lsn, now, never' };
  if (then !== undefined && then !== null && then !== 'finish' && then !== 'wait') {
    return { ok: false, reason: 'then must be "finish" or "wait"' };
  }
  const rest: Pick<StopMessage, 'then' | 'by' | 'reason'> = {
    ...senderOf(object),
    ...(then ? { then } : {}),
  };
  if (now === true) return { ok: true, value: { now, ...rest } };
  if (never === true) return { ok: true, value: { never, ...rest } };
  if (typeof at === 'string' && isIsoTime(at)) return { ok: true, value: { at, ...rest } };
  if (at !== undefined)
    return { ok: false, reason: `at must be a time such as 2026-12-01T02:00:00Z, with a time zone` };
  if (typeof lsn === 'string' && /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i.test(lsn))
    return { ok: true, value: { lsn, ...rest } };
  if (lsn !== undefined) return { ok: false, reason: 'lsn must look like 16/B374D848' };
  return { ok: false, reason: 'now and never must be true' };
}

function parseAbort(argument: unknown): Parsed<AbortMessage> {
  const object = asObject(argument);
  if (!object) return notAnObject(argument);
  const { dropTarget } = object;
  if (dropTarget !== undefined && dropTarget !== null && typeof dropTarget !== 'boolean') {
    return { ok: false, reason: 'dropTarget must be true or false' };
  }
  return { ok: true, value: { ...senderOf(object), ...(dropTarget === true ? { dropTarget } : {}) } };
}

function parseSender(argument: unknown): Parsed<Sender> {
  const object = asObject(argument);
  return object ? { ok: true, value: senderOf(object) } : notAnObject(argument);
}

/** The Web UI sends undefined and the command line null for an empty input: both mean {}. */
function asObject(argument: unknown): Record<string, unknown> | undefined {
  if (argument === undefined || argument === null) return {};
  if (typeof argument !== 'object' || Array.isArray(argument)) return undefined;
  if (ArrayBuffer.isView(argument) || argument instanceof Unreadable) return undefined;
  return argument as Record<string, unknown>;
}

function notAnObject(argument: unknown): { ok: false; reason: string } {
  return { ok: false, reason: `expected one JSON object, got ${describeArgument(argument)}` };
}

function describeArgument(argument: unknown): string {
  if (Array.isArray(argument)) return 'a list';
  if (ArrayBuffer.isView(argument)) return 'bytes';
  return argument instanceof Unreadable ? argument.toString() : typeof argument;
}

function senderOf(object: Record<string, unknown>): Sender {
  const sender: Sender = {};
  if (typeof object.by === 'string') sender.by = object.by.slice(0, 100);
  if (typeof object.reason === 'string') sender.reason = object.reason.slice(0, 500);
  return sender;
}

/** A time without a zone would mean another moment on another machine, so the zone is required. */
export function isIsoTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}
