/** Turns what PostgreSQL, the network and child processes throw into one kind of error, retried or not. */
import { PgtrekError } from '../contract/errors.js';
import type { ErrorCode } from '../contract/errors.js';

interface RawError {
  code?: unknown;
  message?: unknown;
  detail?: unknown;
  hint?: unknown;
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
]);

/**
 * Classes that a later attempt may pass: connection (08), serialization and deadlock (40), resources (53), shutdown
 * of a server or backend (57P), object in use (55006), lock not available (55P03), cancelled (57014).
 */
const RETRYABLE_SQLSTATE = /^(08|40|53|57P0)|^(55006|55P03|57014)$/;

/** Of these classes, but for people: a refused login of a subscription, a lock table that is too small. */
const FINAL_TEXT = /authentication failed|no pg_hba\.conf entry|does not exist|max_locks_per_transaction/;

/** What pg says when a connection ends under a statement; it gives these no code. */
const LOST_CONNECTION =
  /Connection terminated|Client has encountered a connection error|timeout expired|Client was closed/;

export function sqlState(error: unknown): string | undefined {
  const code = (error as RawError | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E') ? code : undefined;
}

/** True for what the same statement may survive when it is tried again. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof PgtrekError) return error.retryable;
  const state = sqlState(error);
  if (state === undefined) return isNetworkError(error);
  return RETRYABLE_SQLSTATE.test(state) && !FINAL_TEXT.test(messageOf(error));
}

function isNetworkError(error: unknown): boolean {
  const { code, message } = (error ?? {}) as RawError;
  if (typeof code === 'string' && NETWORK_CODES.has(code)) return true;
  if (error instanceof AggregateError) return error.errors.some(isNetworkError);
  return typeof message === 'string' && LOST_CONNECTION.test(message);
}

export interface Doing {
  /** The code for an error that nothing more special is known of. */
  code?: ErrorCode;
  /** What was being done, for the message: `copy the rows of public.orders`. */
  doing: string;
  object?: string;
  remedy?: string;
}

/** Keeps a PgtrekError as it is; gives everything else a code, the object and what mends it. */
export function toPgtrekError(error: unknown, { code, doing, object, remedy }: Doing): PgtrekError {
  if (error instanceof PgtrekError) return error;
  const message = `Cannot ${doing}: ${messageOf(error)}`;
  const facts = {
    ...(object === undefined ? {} : { object }),
    ...(remedy === undefined ? {} : { remedy }),
    cause: error,
    retryable: isRetryable(error),
  };
  return new PgtrekError(code ?? codeOf(error), message, facts);
}

function codeOf(error: unknown): ErrorCode {
  if (isNetworkError(error)) return 'SERVER_UNREACHABLE';
  const state = sqlState(error);
  if (state === undefined) return 'INTERNAL_ERROR';
  if (state.startsWith('28')) return 'LOGIN_REFUSED';
  if (state === '42501') return 'PERMISSION_DENIED';
  if (state.startsWith('23')) return 'CONSTRAINT_VIOLATED';
  if (state.startsWith('08') || state.startsWith('57P')) return 'SERVER_UNREACHABLE';
  return 'SQL_FAILED';
}

/** The server's message with its detail and hint; a failed login to several addresses becomes one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  const { message, detail, hint } = (error ?? {}) as RawError;
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  return [text, detail, hint].filter((part) => typeof part === 'string' && part !== '').join(' ');
}

/** Does the work; whatever it throws is told as `Cannot <doing>: …`. */
export async function explained<T>(doing: Doing, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toPgtrekError(error, doing);
  }
}
