/** publish, load and subscribe. */
import type { Activities } from '../contract/activities.js';
import { dropLane } from '../postgres/cleanup/remove-objects.js';
import { awaitSync } from '../postgres/lane/await-sync.js';
import { enterTables } from '../postgres/lane/enter-tables.js';
import { makeSlot } from '../postgres/lane/make-slot.js';
import { publishLane } from '../postgres/lane/publication.js';
import { reduceLane } from '../postgres/lane/reduce.js';
import { subscribeLane } from '../postgres/lane/subscription.js';
import { buildForeignKeys } from '../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../postgres/load/build-indexes.js';
import { checkPartitions } from '../postgres/load/compare-schema.js';
import { copyBatch } from '../postgres/load/copy-batch.js';
import { copyLargeObjects } from '../postgres/load/copy-large-objects.js';
import { analyzeTables, refreshViews } from '../postgres/load/finish-target.js';
import { planIndexes } from '../postgres/load/plan-indexes.js';
import { planLoad } from '../postgres/load/plan-load.js';
import { readTables } from '../postgres/load/read-tables.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';

type LoadActivities = Pick<
  Activities,
  | 'enterTables'
  | 'publishLane'
  | 'dropLane'
  | 'reduceLane'
  | 'planLoad'
  | 'copyBatch'
  | 'checkPartitions'
  | 'copyLargeObjects'
  | 'planIndexes'
  | 'buildIndexes'
  | 'buildForeignKeys'
  | 'refreshViews'
  | 'analyze'
  | 'readTables'
  | 'makeSlot'
  | 'subscribe'
  | 'awaitSync'
>;

export function loadActivities(dependencies: ActivityDependencies): LoadActivities {
  return {
    enterTables: step(dependencies, 'enter the tables', (job) => enterTables(job)),
    publishLane: step(dependencies, 'publish', (job, { lane }) => publishLane(job, lane)),
    dropLane: step(dependencies, 'give the lane up', (job, { lane }) => dropLane(job, lane)),
    reduceLane: step(dependencies, 'keep what is copied', (job, { lane }) => reduceLane(job, lane)),
    planLoad: step(dependencies, 'plan the load', (job, { lane }) => planLoad(job, lane)),
    copyBatch: step(dependencies, 'copy', (job, { lane, snapshots, batch, bytesPerSecond }, report) =>
      copyBatch(job, lane, { snapshots, batch, bytesPerSecond }, report),
    ),
    checkPartitions: step(dependencies, 'compare the partitions', (job) => checkPartitions(job)),
    copyLargeObjects: step(dependencies, 'copy large objects', (job, { lane, snapshots }, report) =>
      copyLargeObjects(job, { lane, snapshots }, (text) => report({ kind: 'step', text })),
    ),
    planIndexes: step(dependencies, 'plan the indexes', (job) => planIndexes(job)),
    buildIndexes: step(dependencies, 'build indexes', (job, { task, workers }, report) => {
      report({ kind: 'step', text: `builds the indexes of ${task.label}` });
      return buildIndexes(job, task, workers);
    }),
    buildForeignKeys: step(dependencies, 'add foreign keys', (job, { standing }) =>
      buildForeignKeys(job, standing),
    ),
    refreshViews: step(dependencies, 'refresh materialised views', (job) => refreshViews(job)),
    analyze: step(dependencies, 'analyze', (job) => analyzeTables(job)),
    readTables: step(dependencies, 'read the ledger', (job, { offset, limit }) =>
      readTables(job, offset, limit),
    ),
    makeSlot: step(dependencies, 'take the slot', (job, { lane }) => makeSlot(job, lane)),
    subscribe: step(dependencies, 'subscribe', (job, { lane }) => subscribeLane(job, lane)),
    awaitSync: step(dependencies, 'wait for the server’s copy', (job, { lane }, report) =>
      awaitSync(job, lane, (text) => report({ kind: 'step', text })),
    ),
  };
}
