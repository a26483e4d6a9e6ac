// Runs one fix on a server and is killed at a fault point: `run-fix.ts <endpoint> <fix> <fault>`, both as JSON.
import assert from 'node:assert/strict';
import type { Fix } from '../../../../contract/findings.js';
import type { Endpoint } from '../../../../postgres/endpoint.js';
import { runFixes } from '../../../../postgres/fixes/run-fix.js';
import { withSession } from '../../../../postgres/session.js';
import { faultObserver } from '../../../harness/fault.js';

const [endpoint, fix, fault] = process.argv.slice(2);
assert.ok(endpoint && fix && fault);
await withSession(
  JSON.parse(endpoint) as Endpoint,
  { purpose: 'test', observer: faultObserver(fault) },
  (session) => runFixes(session, [JSON.parse(fix) as Fix], { migration: 'orders', by: 'a test' }),
);
