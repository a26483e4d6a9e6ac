/** Everything that is looked at before anything is changed. It changes nothing on either server. */
import type { Spec } from '../../contract/spec.js';
import type { Estimate, Finding, Validation } from '../../contract/findings.js';
import type { Mode } from '../../contract/state.js';
import { isRetryable, messageOf } from '../classify-error.js';
import type { Servers } from '../endpoint.js';
import { flowsBack } from '../lane/lane-names.js';
import { purposeOf } from '../purpose.js';
import { readSelection } from '../selection.js';
import type { Session } from '../session.js';
import { checkSourceCapacity, checkTargetCapacity } from './capacity.js';
import type { Check, OnSource, OnTarget } from './check.js';
import { checkClientTools } from './client-tools.js';
import { checkSourceCollations, checkTargetCollations } from './collation-versions.js';
import { connect } from './connection.js';
import { compareEncodings } from './encoding.js';
import { estimateStages } from './estimate.js';
import { checkExtensions } from './extensions.js';
import { checkGivenPublication, checkGivenSlot, checkTargetTables } from './given-start.js';
import { checkLargeObjects } from './large-objects.js';
import {
  checkOtherSlots,
  checkSourceLeftovers,
  checkSourceSchema,
  checkTargetLeftovers,
  checkTargetSchema,
} from './leftovers.js';
import { checkSourceLocks, checkTargetLocks } from './locks.js';
import { checkOpenTransactions, checkPreparedTransactions } from './open-transactions.js';
import { checkPartialPublication } from './partial-publication.js';
import {
  checkLeftOutColumns,
  checkLeftOutOnTarget,
  checkPartialColumns,
  checkPartialNames,
  checkPartialSupport,
} from './partial-tables.js';
import { checkPublicCreate } from './public-schema.js';
import { checkReachability } from './reachability.js';
import {
  checkFullIdentity,
  checkIncomparableRows,
  checkReplicaIdentity,
  checkUnlogged,
} from './replica-identity.js';
import { checkGrantees, checkOwners } from './roles.js';
import { checkRowConditions } from './row-conditions.js';
import { checkDependencies, checkPatterns, checkReferredData, checkSelected } from './selection.js';
import {
  checkSourcePrimary,
  checkSourceVersion,
  checkTargetPrimary,
  checkTargetVersion,
  compareServers,
  compareVersions,
} from './servers.js';
import { checkOldSnapshots, checkXidAge } from './snapshot-age.js';
import {
  checkOwnership,
  checkRead,
  checkReplicationRole,
  checkRowSecurity,
  checkEventTrigger,
  checkSourceCreate,
} from './source-privileges.js';
import { checkStopPosition, checkStopTime } from './stop-time.js';
import { checkTargetEmpty } from './target-empty.js';
import {
  checkLogStatement,
  checkSubscribe,
  checkTargetCreate,
  checkTargetSchemas,
} from './target-privileges.js';
import {
  checkApplyTimeouts,
  checkReceiverTimeout,
  checkRestoreTimeouts,
  checkSenderTimeout,
  checkSourceTimeouts,
  checkTargetReadOnly,
} from './timeouts.js';
import { checkUnknownFeatures } from './unknown-features.js';
import { WAY_BACK_CHECKS, exchangeFacts, tellOfWayBack } from './way-back.js';
import {
  checkOutputPlugins,
  checkSlotRetention,
  checkStandbySlots,
  checkSynchronousStandby,
  checkWalLevel,
} from './write-ahead-log.js';

const ALL: Mode[] = ['full-load', 'full-load-and-cdc', 'cdc'];
/** Modes that bring schema and rows over. */
const LOAD: Mode[] = ['full-load', 'full-load-and-cdc'];
/** Modes that replicate changes. */
const CDC: Mode[] = ['full-load-and-cdc', 'cdc'];

const CHECKS: Check[] = [
  { modes: ALL, on: 'source', run: checkSourceVersion },
  { modes: ALL, on: 'target', run: checkTargetVersion },
  { modes: ALL, on: 'both', run: compareVersions },
  { modes: LOAD, on: 'both', run: checkUnknownFeatures },
  { modes: ALL, on: 'source', run: checkSourcePrimary },
  { modes: ALL, on: 'target', run: checkTargetPrimary },
  { modes: ALL, on: 'both', run: compareServers },
  { modes: LOAD, on: 'both', run: checkClientTools },
  { modes: ALL, on: 'both', run: compareEncodings },
  { modes: ALL, on: 'source', run: checkSourceCollations },
  { modes: ALL, on: 'target', run: checkTargetCollations },

  { modes: ALL, on: 'source', run: checkPatterns },
  { modes: ALL, on: 'source', run: checkSelected },
  { modes: ALL, on: 'source', run: checkPartialNames },
  { modes: ALL, on: 'both', run: checkPartialSupport },
  { modes: ALL, on: 'source', run: checkPartialColumns },
  { modes: LOAD, on: 'source', run: checkLeftOutColumns },
  { modes: ['cdc'], on: 'both', run: checkLeftOutOnTarget },
  { modes: ALL, on: 'source', run: checkRowConditions },
  { modes: CDC, on: 'source', run: checkPartialPublication },
  { modes: LOAD, on: 'source', run: checkDependencies },
  { modes: LOAD, on: 'source', run: checkReferredData },

  { modes: CDC, on: 'source', run: checkWalLevel },
  { modes: CDC, on: 'source', run: checkSlotRetention },
  { modes: CDC, on: 'source', run: checkSynchronousStandby },
  { modes: CDC, on: 'source', run: checkStandbySlots },
  { modes: CDC, on: 'source', run: checkOutputPlugins },
  { modes: CDC, on: 'source', run: checkSenderTimeout },
  { modes: CDC, on: 'target', run: checkReceiverTimeout },
  { modes: CDC, on: 'source', run: checkSourceTimeouts },
  { modes: CDC, on: 'target', run: checkApplyTimeouts },
  { modes: ['full-load'], on: 'both', run: checkRestoreTimeouts },
  { modes: ALL, on: 'target', run: checkTargetReadOnly },
  { modes: LOAD, on: 'source', run: checkOldSnapshots },
  { modes: ALL, on: 'source', run: checkXidAge },
  { modes: ALL, on: 'source', run: checkSourceLocks },
  { modes: ALL, on: 'both', run: checkTargetLocks },
  { modes: CDC, on: 'source', run: checkSourceCapacity },
  { modes: CDC, on: 'target', run: checkTargetCapacity },

  { modes: ['cdc'], on: 'source', run: checkGivenSlot },
  { modes: ['cdc'], on: 'source', run: checkGivenPublication },
  { modes: ['cdc'], on: 'both', run: checkTargetTables },

  { modes: CDC, on: 'source', run: checkReplicaIdentity },
  { modes: CDC, on: 'source', run: checkFullIdentity },
  { modes: CDC, on: 'source', run: checkIncomparableRows },
  { modes: CDC, on: 'source', run: checkUnlogged },

  { modes: CDC, on: 'source', run: checkReplicationRole },
  { modes: CDC, on: 'source', run: checkSourceCreate },
  { modes: CDC, on: 'source', run: checkEventTrigger },
  { modes: CDC, on: 'source', run: checkOwnership },
  { modes: LOAD, on: 'source', run: checkRead },
  { modes: LOAD, on: 'source', run: checkRowSecurity },

  { modes: ALL, on: 'target', run: checkTargetCreate },
  { modes: LOAD, on: 'both', run: checkTargetSchemas },
  { modes: LOAD, on: 'both', run: checkOwners },
  { modes: LOAD, on: 'both', run: checkGrantees },
  { modes: LOAD, on: 'both', run: checkExtensions },
  { modes: LOAD, on: 'both', run: checkPublicCreate },
  // First what an earlier run left: what it restored, the next check finds.
  { modes: CDC, on: 'source', run: checkSourceSchema },
  { modes: ALL, on: 'target', run: checkTargetSchema },
  { modes: ALL, on: 'source', run: checkSourceLeftovers },
  { modes: ALL, on: 'target', run: checkTargetLeftovers },
  { modes: LOAD, on: 'both', run: checkTargetEmpty },
  { modes: ALL, on: 'both', run: checkLargeObjects },

  { modes: CDC, on: 'target', run: checkSubscribe },
  { modes: CDC, on: 'target', run: checkLogStatement },
  // After checkSubscribe, without whose privilege it cannot be tried.
  { modes: CDC, on: 'target', run: checkReachability },

  { modes: CDC, on: 'source', run: checkOtherSlots },
  { modes: CDC, on: 'source', run: checkStopTime },
  { modes: CDC, on: 'source', run: checkStopPosition },
  // Last, because it looks at this moment.
  { modes: CDC, on: 'source', run: checkOpenTransactions },
  { modes: CDC, on: 'source', run: checkPreparedTransactions },
];

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
  const [source, target] = await Promise.all([
    connect(servers.source, spec.mode, options),
    connect(servers.target, spec.mode, options),
  ]);
  const found = [...source.findings, ...target.findings];
  try {
    const asked = { spec, servers, owner, found };
    const facts = {
      source: source.session && { ...asked, ...(await readSource(source.session, spec)) },
      target: target.session && { ...asked, target: target.session },
    };
    await runChecks(CHECKS, { mode: spec.mode, facts, found, signal });
    const back = flowsBack(spec) ? await checkWayBack(spec.mode, facts, signal) : [];
    return { findings: [...found, ...back], estimates: await estimate(facts) };
  } finally {
    await Promise.all([source.session?.close(), target.session?.close()]);
  }
}

/** What each stage will take. */
function estimate(facts: Facts): Promise<Estimate[]> {
  return facts.source && facts.target
    ? estimateStages({ ...facts.source, ...facts.target })
    : Promise.resolve([]);
}

/** Findings are added to `found`, which later checks look at. */
async function runChecks(
  checks: Check[],
  {
    mode,
    facts,
    found,
    signal,
  }: { mode: Mode; facts: Facts; found: Finding[]; signal: AbortSignal | undefined },
): Promise<void> {
  for (const check of checks.filter(({ modes }) => modes.includes(mode))) {
    signal?.throwIfAborted();
    found.push(...(await runCheck(check, facts)));
  }
}

async function checkWayBack(mode: Mode, there: Facts, signal: AbortSignal | undefined): Promise<Finding[]> {
  const found: Finding[] = [];
  const facts = await exchangeFacts(there, found);
  const connections = found.length;
  await runChecks(WAY_BACK_CHECKS, { mode, facts, found, signal });
  return tellOfWayBack(found.slice(connections));
}

async function readSource(
  source: Session,
  spec: Spec,
): Promise<Pick<OnSource, 'source' | 'relations' | 'selection'>> {
  return { source, ...(await readSelection(source, spec)) };
}

interface Facts {
  source: OnSource | undefined;
  target: OnTarget | undefined;
}

/** A check that a server does not let us make is a finding too; a lost connection is an error, tried again. */
async function runCheck(check: Check, { source, target }: Facts): Promise<Finding[]> {
  try {
    if (check.on === 'source') return source ? await check.run(source) : [];
    if (check.on === 'target') return target ? await check.run(target) : [];
    return source && target ? await check.run({ ...source, ...target }) : [];
  } catch (error) {
    if (isRetryable(error)) throw error;
    const why = `The check ${check.run.name} could not be made: ${messageOf(error)}`;
    return [
      {
        id: 'check.failed',
        scope: check.on,
        verdict: 'warn',
        why,
        remedy: 'Look at it by hand before you go on.',
      },
    ];
  }
}
