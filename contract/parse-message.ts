/** Reads what any client sends: the parsers are total, they never throw and ignore unknown keys. */
import type {
  AbortMessage,
  CutoverMessage,
  RestartMessage,
  RetryMessage,
  Sender,
  SetLoadMessage,
  StopMessage,
  VerifyMessage,
} from './message-shapes.js';
import { isIsoTime, isLsn, millisecondsOf } from './values.js';

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

type Fields = Record<string, unknown>;

/** The Web UI sends undefined and the command line null for an empty input: both mean {}. */
function parseWith<T extends object>(read: (fields: Fields) => T | string) {
  return (argument: unknown): Parsed<T & Sender> => {
    const fields = asObject(argument);
    if (!fields) return refused(`expected one JSON object, got ${describeArgument(argument)}`);
    const read_ = read(fields);
    return typeof read_ === 'string'
      ? refused(read_)
      : { ok: true, value: { ...read_, ...senderOf(fields) } };
  };
}

function refused(reason: string): { ok: false; reason: string } {
  return { ok: false, reason };
}

export const parseSender = parseWith<Sender>(() => ({}));

export const parseStop = parseWith<StopMessage>((fields) => {
  const { at, lsn, now, never, then } = fields;
  const asked = [at, lsn, now, never].filter((value) => isGiven(value) && value !== false);
  if (asked.length !== 1) return 'give exactly one of at, lsn, now, never';
  if (isGiven(then) && then !== 'finish' && then !== 'wait') return 'then must be "finish" or "wait"';
  const next: Pick<StopMessage, 'then'> = then === 'finish' || then === 'wait' ? { then } : {};
  if (now === true) return { now, ...next };
  if (never === true) return { never, ...next };
  if (isGiven(at)) {
    return typeof at === 'string' && isIsoTime(at)
      ? { at, ...next }
      : 'at must be a time such as 2026-12-01T02:00:00Z, with a time zone';
  }
  if (isGiven(lsn)) {
    return typeof lsn === 'string' && isLsn(lsn)
      ? { lsn: lsn.toUpperCase(), ...next }
      : 'lsn must look like 16/B374D848';
  }
  return 'now and never must be true';
});

export const parseCutover = parseWith<CutoverMessage>((fields) => {
  const { maxPause } = fields;
  const dryRun = readFlag(fields, 'dryRun');
  if (typeof dryRun === 'string') return dryRun;
  if (!isGiven(maxPause)) return dryRun;
  // No pause at all would undo every cutover.
  return typeof maxPause === 'string' && (millisecondsOf(maxPause) ?? 0) > 0
    ? { ...dryRun, maxPause }
    : 'maxPause must be a span such as 500ms, 5s or 2min';
});

export const parseVerify = parseWith<VerifyMessage>((fields) => {
  const { tables } = fields;
  const repair = readFlag(fields, 'repair');
  if (typeof repair === 'string') return repair;
  if (!isGiven(tables)) return repair;
  return Array.isArray(tables) && tables.length > 0 && tables.every((each) => typeof each === 'string')
    ? { ...repair, tables }
    : 'tables must be a list of patterns such as "public.orders"';
});

export const parseRestart = parseWith<RestartMessage>((fields) => {
  const full = readFlag(fields, 'full');
  if (typeof full === 'string') return full;
  const dropTarget = readFlag(fields, 'dropTarget');
  return typeof dropTarget === 'string' ? dropTarget : { ...full, ...dropTarget };
});

/** The bounds of the spec's own load.jobs and load.indexJobs. */
export const MAX_JOBS = 64;
export const MAX_INDEX_JOBS = 32;

export const parseRetry = parseWith<RetryMessage>(({ skip }) => {
  if (!isGiven(skip)) return {};
  return typeof skip === 'string' && isLsn(skip)
    ? { skip: skip.toUpperCase() }
    : 'skip must be the lsn of the transaction that blocks, such as 16/B374D848';
});

export const parseSetLoad = parseWith<SetLoadMessage>((fields) => {
  const jobs = readCount(fields, 'jobs', MAX_JOBS);
  if (typeof jobs === 'string') return jobs;
  const indexJobs = readCount(fields, 'indexJobs', MAX_INDEX_JOBS);
  if (typeof indexJobs === 'string') return indexJobs;
  if (!isGiven(fields.jobs) && !isGiven(fields.indexJobs)) return 'give jobs, indexJobs, or both';
  return { ...jobs, ...indexJobs };
});

export const parseAbort = parseWith<AbortMessage>((fields) => readFlag(fields, 'dropTarget'));

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** `{ [name]: true }`, `{}`, or what is wrong with it. */
function readFlag<Name extends string>(fields: Fields, name: Name): { [K in Name]?: true } | string {
  const value = fields[name];
  if (!isGiven(value) || value === false) return {};
  return value === true ? ({ [name]: true } as { [K in Name]?: true }) : `${name} must be true or false`;
}

function readCount<Name extends string>(
  fields: Fields,
  name: Name,
  most: number,
): { [K in Name]?: number } | string {
  const value = fields[name];
  if (!isGiven(value)) return {};
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most
    ? ({ [name]: value } as { [K in Name]?: number })
    : `${name} must be a whole number from 1 to ${String(most)}`;
}

function asObject(argument: unknown): Fields | undefined {
  if (argument === undefined || argument === null) return {};
  if (typeof argument !== 'object' || Array.isArray(argument)) return undefined;
  if (ArrayBuffer.isView(argument) || argument instanceof Unreadable) return undefined;
  return argument as Fields;
}

function describeArgument(argument: unknown): string {
  if (Array.isArray(argument)) return 'a list';
  if (ArrayBuffer.isView(argument)) return 'bytes';
  return argument instanceof Unreadable ? argument.toString() : typeof argument;
}

function senderOf(fields: Fields): Sender {
  const sender: Sender = {};
  if (typeof fields.by === 'string') sender.by = fields.by.slice(0, 100);
  if (typeof fields.reason === 'string') sender.reason = fields.reason.slice(0, 500);
  return sender;
}
