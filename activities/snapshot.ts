/** The snapshot keeper: one attempt, alive as long as the load reads from its snapshot. */
import { randomUUID } from 'node:crypto';
import { Context, activityInfo, getClient } from '@temporalio/activity';
import type { Activities, SnapshotSignal } from '../contract/activities.js';
import { PgtrekError } from '../contract/errors.js';
import { SNAPSHOT_SIGNAL } from '../contract/messages.js';
import { holdSnapshot } from '../postgres/load/hold-snapshot.js';
import { step } from './step.js';
import type { ActivityDependencies } from './step.js';

/** Two of them beat through the whole load, and have nothing new to tell. */
const HEARTBEAT_MS = 5_000;

export function snapshotActivities(dependencies: ActivityDependencies): Pick<Activities, 'keepSnapshot'> {
  return {
    keepSnapshot: step(
      dependencies,
      'hold the snapshot',
      async (job, { lane, slot, keeper, from }) => {
        // Pause and Unpause in the Web UI make a second attempt, whatever the retry policy says.
        if (activityInfo().attempt > 1)
          throw new PgtrekError('SNAPSHOT_LOST', 'The snapshot’s first holder is gone.');
        await holdSnapshot(job, { lane, slot, from }, async (held) => {
          Context.current().heartbeat({ kind: 'step', text: `holds snapshot ${held.snapshot}` });
          await tellWorkflow({ id: randomUUID(), lane, keeper, host: dependencies.hostQueue, ...held });
        });
      },
      { heartbeatMs: HEARTBEAT_MS },
    ),
  };
}

async function tellWorkflow(signal: SnapshotSignal): Promise<void> {
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) throw new Error('the keeper runs for a workflow only');
  const { workflowId, runId } = workflowExecution;
  await getClient().workflow.getHandle(workflowId, runId).signal(SNAPSHOT_SIGNAL, signal);
}
