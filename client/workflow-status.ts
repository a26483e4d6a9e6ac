import type { WorkflowExecutionStatusName } from '@temporalio/client';

/** How the workflow stands in Temporal's eyes, whatever the migration says of itself. */
export type WorkflowStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';

/** A run that continued as new is one chapter of a workflow that still runs. */
export function workflowStatusOf(name: WorkflowExecutionStatusName): WorkflowStatus {
  switch (name) {
    case 'COMPLETED':
      return 'completed';
    case 'FAILED':
      return 'failed';
    case 'CANCELLED':
      return 'cancelled';
    case 'TERMINATED':
      return 'terminated';
    case 'TIMED_OUT':
      return 'timed-out';
    default:
      return 'running';
  }
}
