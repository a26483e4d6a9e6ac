/** Every check: in which modes, on which end, and in which order. */
import type { Mode } from '../../contract/state.js';
import {
  checkApply,
  checkApplySchemas,
  checkApplyRowSecurity,
  checkRestoredRowSecurity,
} from './apply-privileges.js';
import { checkSourceCapacity, checkTargetCapacity } from './capacity.js';
import type { Check } from './check.js';
import { checkClientTools } from './client-tools.js';
import { checkSourceCollations, checkTargetCollations } from './collation-versions.js';
import { checkConstraints, checkInvalidIndexes } from './constraints.js';
import { checkCutoverPrivileges } from './cutover-privileges.js';
import { checkDatabasePrivileges } from './database-privileges.js';
import { checkSettings } from './database-settings.js';
import { compareEncodings } from './encoding.js';
import { checkExtensions } from './extensions.js';
import { checkForeignTables } from './foreign-data.js';
import { checkFullIdentity, checkIncomparableRows } from './full-identity.js';
import { checkGenerated, compareGenerated } from './generated-columns.js';
import { checkGivenPublication, checkGivenSlot, checkTargetTables } from './given-start.js';
import { checkInternalExtensions } from './internal-extensions.js';
import { checkLargeObjects } from './large-objects.js';
import { checkCronJobs, checkExtensionTables, checkMaterializedViews } from './left-behind.js';
import {
  checkOtherSlots,
  checkSourceLeftovers,
  checkSourceSchema,
  checkTargetLeftovers,
  checkTargetSchema,
} from './leftovers.js';
import { checkSourceLocks, checkTargetLocks } from './locks.js';
import { checkObjectIds } from './object-ids.js';
import { checkOpenTransactions, checkPreparedTransactions } from './open-transactions.js';
import { checkOrigin, checkParameters } from './optional-privileges.js';
import { checkPublications, checkSubscriptions } from './other-consumers.js';
import { checkPartialPublication } from './partial-publication.js';
import {
  checkLeftOutColumns,
  checkLeftOutOnTarget,
  checkPartialColumns,
  checkPartialNames,
  checkPartialSupport,
} from './partial-tables.js';
import { checkPartitionRouting } from './partition-routing.js';
import { checkPublicCreate } from './public-schema.js';
import { checkReachability } from './reachability.js';
import { checkRead, checkRowSecurity } from './reading.js';
import { checkReplicaIdentity, checkUnlogged } from './replica-identity.js';
import { checkGrantees, checkOwners, checkDefaultPrivileges } from './roles.js';
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
  checkEventTrigger,
  checkOwnership,
  checkReplicationRole,
  checkSourceCreate,
  checkStatistics,
} from './source-privileges.js';
import { checkStopPosition, checkStopTime } from './stop-time.js';
import { checkSuperuserObjects } from './superuser-objects.js';
import { checkTablespaces } from './tablespaces.js';
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
import { checkEventTriggers, checkTriggers } from './triggers.js';
import { checkTruncateLinks } from './truncate-links.js';
import { checkUnknownFeatures } from './unknown-features.js';
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

export const CHECKS: Check[] = [
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

  { modes: LOAD, on: 'source', run: checkGenerated },
  { modes: ['cdc'], on: 'both', run: compareGenerated },
  { modes: ALL, on: 'source', run: checkObjectIds },
  { modes: LOAD, on: 'both', run: checkPartitionRouting },
  { modes: ALL, on: 'source', run: checkConstraints },
  { modes: LOAD, on: 'source', run: checkInvalidIndexes },
  { modes: CDC, on: 'both', run: checkTriggers },
  { modes: CDC, on: 'both', run: checkTruncateLinks },
  { modes: LOAD, on: 'both', run: checkEventTriggers },
  { modes: LOAD, on: 'both', run: checkForeignTables },
  { modes: CDC, on: 'source', run: checkMaterializedViews },
  { modes: LOAD, on: 'source', run: checkTablespaces },
  { modes: ALL, on: 'source', run: checkInternalExtensions },
  { modes: LOAD, on: 'source', run: checkExtensionTables },
  { modes: ALL, on: 'source', run: checkCronJobs },
  { modes: ALL, on: 'both', run: checkSettings },
  { modes: ALL, on: 'both', run: checkDatabasePrivileges },
  { modes: ALL, on: 'source', run: checkPublications },
  { modes: ALL, on: 'source', run: checkSubscriptions },

  { modes: CDC, on: 'source', run: checkReplicationRole },
  { modes: CDC, on: 'source', run: checkSourceCreate },
  { modes: CDC, on: 'source', run: checkEventTrigger },
  { modes: CDC, on: 'source', run: checkOwnership },
  { modes: CDC, on: 'source', run: checkStatistics },
  { modes: ALL, on: 'source', run: checkRead },
  { modes: LOAD, on: 'source', run: checkRowSecurity },

  { modes: ALL, on: 'target', run: checkTargetCreate },
  { modes: LOAD, on: 'both', run: checkTargetSchemas },
  { modes: LOAD, on: 'both', run: checkOwners },
  { modes: LOAD, on: 'both', run: checkGrantees },
  { modes: LOAD, on: 'both', run: checkDefaultPrivileges },
  { modes: LOAD, on: 'both', run: checkSuperuserObjects },
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
  { modes: ['full-load-and-cdc'], on: 'both', run: checkRestoredRowSecurity },
  { modes: ['cdc'], on: 'both', run: checkApplySchemas },
  { modes: ['cdc'], on: 'both', run: checkApply },
  { modes: ['cdc'], on: 'both', run: checkApplyRowSecurity },
  { modes: CDC, on: 'target', run: checkOrigin },
  { modes: ALL, on: 'target', run: checkParameters },
  { modes: CDC, on: 'source', run: checkCutoverPrivileges },
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
