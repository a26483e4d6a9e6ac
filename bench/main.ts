#!/usr/bin/env node
import { reportError } from '../cli/report-error.js';
import { runLoadSuite } from './load/run-suite.js';
import { buildProgram } from './program.js';

try {
  await buildProgram({ load: runLoadSuite }).parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportError(error, { json: false });
}
