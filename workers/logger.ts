/** One JSON line a message on standard error, for the worker and for Temporal's runtime. */
import { pino } from 'pino';
import type { Logger as PinoLogger } from 'pino';
import type { LogLevel, LogMetadata, Logger } from '@temporalio/worker';

const LEVELS: Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** PGTREK_LOG_LEVEL: trace, debug, info, warn, error. */
export function createLogger(level = process.env.PGTREK_LOG_LEVEL ?? 'info'): PinoLogger {
  return pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
}

/** A workflow that ends while its activity still runs makes the runtime warn; a host's queue has no workflows. */
const HARMLESS = /Activity not found on completion|No (workflows|Nexus services) registered/;

export function temporalLogger(pinoLogger: PinoLogger): Logger {
  const log = (level: LogLevel, message: string, meta?: LogMetadata) => {
    if (HARMLESS.test(message)) return;
    // Inputs and results have no secrets, but they are long and belong to the history.
    const { error, ...rest } = (meta ?? {}) as { error?: Error } & LogMetadata;
    pinoLogger[LEVELS[level]]({ ...rest, ...(error === undefined ? {} : { error: error.message }) }, message);
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}
