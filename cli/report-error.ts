import { CommanderError } from 'commander';
import { PgtrekError } from '../client/index.js';
import { EXIT } from './exit-codes.js';
import { UsageError } from './usage-error.js';

/** Prints an error to stderr, with --json as a document to stdout too, and returns the exit code. */
export function reportError(error: unknown, { json }: { json: boolean }): number {
  // commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const lines = error instanceof PgtrekError ? linesOf(error) : [`pgtrek: ${messageOf(error)}`];
  console.error(lines.join('\n'));
  if (process.env['PGTREK_DEBUG'] === '1') console.error(error);
  if (json) console.log(JSON.stringify({ error: documentOf(error) }));
  return exitCodeOf(error);
}

function linesOf({ code, message, remedy }: PgtrekError): string[] {
  return [`pgtrek: ${code}: ${message}`, ...(remedy === undefined ? [] : [`  remedy: ${remedy}`])];
}

function documentOf(error: unknown): { code: string; message: string; object?: string; remedy?: string } {
  if (error instanceof UsageError) return { code: 'USAGE', message: error.message };
  if (!(error instanceof PgtrekError)) return { code: 'INTERNAL_ERROR', message: messageOf(error) };
  const { code, message, object, remedy } = error;
  return {
    code,
    message,
    ...(object === undefined ? {} : { object }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof PgtrekError)) return EXIT.error;
  return error.code === 'MESSAGE_REFUSED' || error.code === 'MESSAGE_INVALID' ? EXIT.refused : EXIT.error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
