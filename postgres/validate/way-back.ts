/** cutover.reverse: whether changes could flow from the target to the source, told before anything is touched. */
import { reversedSpec } from '../../contract/reversed.js';
import type { Finding, Mode } from '../../contract/state.js';
import type { Servers } from '../endpoint.js';
import { readRelations, rootOf, selectRelations } from '../selection.js';
import type { Selection } from '../selection.js';
import { checkSourceCapacity, checkTargetCapacity } from './capacity.js';
import type { Check, Facts, OnSource, OnTarget } from './check.js';
import { checkFullIdentity, checkIncomparableRows } from './full-identity.js';
import { checkApply, checkApplySchemas, checkApplyRowSecurity } from './apply-privileges.js';
import { checkCutoverPrivileges } from './cutover-privileges.js';
import { checkTargetTables } from './given-start.js';
import { checkOtherSlots } from './leftovers.js';
import { checkLeftOutOnTarget, checkPartialSupport } from './partial-tables.js';
import { checkReachability } from './reachability.js';
import { checkReplicaIdentity } from './replica-identity.js';
import { checkOwnership, checkReplicationRole } from './source-privileges.js';
import { checkLogStatement, checkSubscribe } from './target-privileges.js';
import {
  checkApplyTimeouts,
  checkReceiverTimeout,
  checkSenderTimeout,
  checkSourceTimeouts,
} from './timeouts.js';
import {
  checkOutputPlugins,
  checkSlotRetention,
  checkStandbySlots,
  checkSynchronousStandby,
  checkWalLevel,
} from './write-ahead-log.js';

const CDC: Mode[] = ['full-load-and-cdc', 'cdc'];
/** The target has tables of its own: others have those that the restore makes, like the source's. */
const OWN: Mode[] = ['cdc'];

/** Their source is the target, and their target the source. */
export const WAY_BACK_CHECKS: Check[] = [
  { modes: CDC, on: 'source', run: checkWalLevel },
  { modes: CDC, on: 'source', run: checkSlotRetention },
  { modes: CDC, on: 'source', run: checkSynchronousStandby },
  { modes: CDC, on: 'source', run: checkStandbySlots },
  { modes: CDC, on: 'source', run: checkOutputPlugins },
  { modes: CDC, on: 'source', run: checkSenderTimeout },
  { modes: CDC, on: 'source', run: checkSourceTimeouts },
  { modes: CDC, on: 'source', run: checkSourceCapacity },
  { modes: CDC, on: 'source', run: checkOtherSlots },
  { modes: CDC, on: 'source', run: checkReplicationRole },
  { modes: CDC, on: 'target', run: checkTargetCapacity },
  { modes: CDC, on: 'target', run: checkReceiverTimeout },
  { modes: CDC, on: 'target', run: checkApplyTimeouts },
  { modes: CDC, on: 'both', run: checkPartialSupport },
  { modes: OWN, on: 'both', run: checkTargetTables },
  { modes: OWN, on: 'both', run: checkLeftOutOnTarget },
  { modes: OWN, on: 'source', run: checkOwnership },
  { modes: CDC, on: 'source', run: checkCutoverPrivileges },
  { modes: OWN, on: 'source', run: checkReplicaIdentity },
  { modes: OWN, on: 'source', run: checkFullIdentity },
  { modes: OWN, on: 'source', run: checkIncomparableRows },
  { modes: CDC, on: 'target', run: checkSubscribe },
  { modes: CDC, on: 'target', run: checkLogStatement },
  { modes: CDC, on: 'both', run: checkApplySchemas },
  { modes: CDC, on: 'both', run: checkApply },
  { modes: CDC, on: 'both', run: checkApplyRowSecurity },
  // After checkSubscribe, without whose privilege it cannot be tried.
  { modes: CDC, on: 'target', run: checkReachability },
];

/** What the checks are given: everything exchanged, while sessions keep the names of their ends. They add to `found`. */
export async function exchangeFacts({ source, target }: Facts, found: Finding[]): Promise<Facts> {
  const asked = source ?? target;
  if (!asked) return { source: undefined, target: undefined };
  // The rest of what was found is about the way there.
  found.push(...asked.found.filter(({ id }) => id.endsWith('.connection')));
  const exchanged = {
    spec: reversedSpec(asked.spec),
    servers: exchangeServers(asked.servers),
    owner: asked.owner,
    found,
  };
  return {
    source: source &&
      target && { ...exchanged, source: target.target, ...(await readCarried(source, target)) },
    target: source && { ...exchanged, target: source.source },
  };
}

function exchangeServers({ source, target, back, replication, observer }: Servers): Servers {
  return { source: target, target: source, replication: back ?? target, back: replication, observer };
}

/** Of tables that are on the target already, those that lanes would carry; else the source's, for their names. */
async function readCarried(
  { spec, relations, selection }: OnSource,
  { target }: OnTarget,
): Promise<Pick<OnSource, 'relations' | 'selection'>> {
  if (spec.mode !== 'cdc') return { relations, selection };
  const names = new Set(selection.selected.map(({ qualified }) => qualified));
  const there = await readRelations(target, 'recorded');
  const byOid = new Map(there.map((relation) => [relation.oid, relation]));
  const nameOfRoot = (oid: number) => byOid.get(oid)?.qualified ?? '';
  const selected = there.filter(
    (relation) => names.has(relation.qualified) || names.has(nameOfRoot(rootOf(relation, byOid))),
  );
  const chosen: Selection = { ...selectRelations(there, spec.select), selected };
  return { relations: there, selection: chosen };
}

/** As findings of the migration: their ids begin with `reverse.`. */
export function tellOfWayBack(findings: Finding[]): Finding[] {
  return findings.map((finding) => ({
    ...finding,
    id: `reverse.${finding.id}`,
    why: `For the way back: ${finding.why}`,
  }));
}
