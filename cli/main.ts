#!/usr/bin/env node
import { buildProgram } from './program.js';
import { reportError } from './report-error.js';

// A reader that went away (`pgtrek events orders | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportError(error, { json: process.argv.includes('--json') });
}
