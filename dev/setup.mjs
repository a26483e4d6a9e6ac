#!/usr/bin/env node
// Makes a machine that has only Node ready for `npm test` and `npm run demo`; with --demo, for the demo alone. Node
// built-ins only: it runs before the dependencies are there. Each step does what is missing and returns what it found.
import { checkChromium } from './setup/chromium.mjs';
import { checkClientTools } from './setup/client-tools.mjs';
import { checkDependencies } from './setup/dependencies.mjs';
import { checkEmbeddedPostgres } from './setup/embedded-postgres.mjs';
import { checkNodeVersion } from './setup/node-version.mjs';
import { checkPgBouncer } from './setup/pgbouncer.mjs';
import { checkTemporal } from './setup/temporal.mjs';
import { CannotGoOn } from './setup/cannot-go-on.mjs';

/** @type {[name: string, check: () => string][]} */
const steps = [
  ['Node', checkNodeVersion],
  ['dependencies', checkDependencies],
  ['PostgreSQL servers', checkEmbeddedPostgres],
  ['pg_dump, pg_restore', checkClientTools],
  ['Temporal dev server', checkTemporal],
];
if (!process.argv.includes('--demo')) steps.push(['PgBouncer', checkPgBouncer], ['Chromium', checkChromium]);

for (const [name, check] of steps) {
  try {
    console.log(`setup: ${name}: ${check()}`);
  } catch (error) {
    const told = error instanceof CannotGoOn ? error.message : error;
    console.error(`setup: ${name}: cannot go on:`, told);
    process.exit(1);
  }
}
