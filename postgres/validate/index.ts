/** Everything that is looked at before anything is changed. It changes nothing on either server. */
import type { Spec } from '../../contract/spec.js';
import type { Finding, Validation } from '../../contract/findings.js';
import type { Servers } from '../endpoint.js';
import { flowsBack } from '../lane/lane-names.js';
import { purposeOf } from '../purpose.js';
import type { Facts } from './check.js';
import { CHECKS } from './checks.js';
import { connect } from './connection.js';
import { failedCheck, isOfCheck } from './failed-check.js';
import { beginMeasuring, lookAhead } from './outlook.js';
import type { Measuring } from './outlook.js';
import { readSource } from './read-source.js';
import { timeRoundTrips } from './round-trips.js';
import { runChecks } from './run-checks.js';
import { WAY_BACK_CHECKS, exchangeFacts, tellOfWayBack } from './way-back.js';

export interface ValidateInput {
  spec: Spec;
  servers: Servers;
  /** The run whose objects are no leftovers. */
  owner: string | undefined;
  signal?: AbortSignal;
}

/** The checks that the mode needs. A server that cannot be used is one finding, and its checks are left out. */
export async function validateServers({ spec, servers, owner, signal }: ValidateInput): Promise<Validation> {
  const options = { purpose: purposeOf(spec.name, owner, 'validate'), signal, observer: servers.observer };
  const trips = { source: timeRoundTrips(servers.observer), target: timeRoundTrips(servers.observer) };
  const { checkTimeout } = spec.validate;
  const [source, target] = await Promise.all([
    connect(servers.source, spec.mode, { ...options, checkTimeout, observer: trips.source.observer }),
    connect(servers.target, spec.mode, { ...options, checkTimeout, observer: trips.target.observer }),
  ]);
  const found = [...source.findings, ...target.findings];
  let measuring: Measuring | undefined;
  try {
    const asked = { spec, servers, owner, found };
    const read = source.session && (await readSource(source.session, spec));
    found.push(...(read?.findings ?? []));
    const facts: Facts = {
      source: read?.source && { ...asked, ...read.source },
      target: target.session && { ...asked, target: target.session },
    };
    const both = facts.source && facts.target && { ...facts.source, ...facts.target };
    measuring = both && (await beginMeasuring(both, options));
    await runChecks(CHECKS, { mode: spec.mode, facts, found, signal });
    const back = flowsBack(spec) ? await checkWayBack(spec, facts, signal) : [];
    if (!both || !measuring) return { findings: [...found, ...back], estimates: [] };
    const roundTripMs = Math.max(trips.source.shortestMs(), trips.target.shortestMs());
    const { findings, estimates } = await lookAhead(both, measuring, roundTripMs);
    return { findings: [...found, ...findings, ...back], estimates };
  } finally {
    await Promise.all([source.session?.close(), target.session?.close(), measuring?.read]);
  }
}

async function checkWayBack(spec: Spec, there: Facts, signal: AbortSignal | undefined): Promise<Finding[]> {
  const found: Finding[] = [];
  try {
    const facts = await exchangeFacts(there, found);
    const connections = found.length;
    await runChecks(WAY_BACK_CHECKS, { mode: spec.mode, facts, found, signal });
    return tellOfWayBack(found.slice(connections));
  } catch (error) {
    if (!isOfCheck(error)) throw error;
    return tellOfWayBack([failedCheck(error, { check: 'relations', on: 'target', spec })]);
  }
}
