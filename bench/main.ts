#!/usr/bin/env node
import { reportError } from '../cli/report-error.js';
import { runApplySuite } from './apply/run-suite.js';
import { runCutoverSuite } from './cutover/run-suite.js';
import { runLoadSuite } from './load/run-suite.js';
import { buildProgram } from './program.js';
import { runStopSuite } from './stop/run-suite.js';
import { runValidateSuite } from './validate/run-suite.js';
import { runVerifySuite } from './verify/run-suite.js';

try {
  await buildProgram({
    load: runLoadSuite,
    stop: runStopSuite,
    apply: runApplySuite,
    verify: runVerifySuite,
    cutover: runCutoverSuite,
    validate: runValidateSuite,
  }).parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportError(error, { json: false });
}
