import type { WorkflowExecutionInfo } from '@temporalio/client';
import { WORKFLOW_TYPE, nameOfWorkflow } from '../contract/names.js';
import type { Mode } from '../contract/state.js';
import type { MigrationMemo } from './start-migration.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';
import { workflowStatusOf } from './workflow-status.js';
import type { WorkflowStatus } from './workflow-status.js';

/** One line of the list: what Temporal knows without asking the migration itself. */
export interface MigrationSummary {
  name: string;
  workflow: WorkflowStatus;
  /** ISO times. */
  startedAt: string;
  endedAt?: string;
  taskQueue: string;
  runId: string;
  /** From the memo; absent when the workflow was started without our client. */
  mode?: Mode;
  /** host:port/database */
  source?: string;
  target?: string;
}

/** `migration` is a common word: only workflows with our kind of id are ours. */
const QUERY = `WorkflowType = '${WORKFLOW_TYPE}' AND WorkflowId STARTS_WITH 'pgtrek-' AND ExecutionStatus != 'ContinuedAsNew'`;
/** Several pages of a long list. */
const LIST_DEADLINE_MS = 30_000;

/** The latest migration of each name, newest first. */
export async function listMigrations(link: TemporalLink, limit: number): Promise<MigrationSummary[]> {
  const latest = new Map<string, MigrationSummary>();
  const read = async () => {
    for await (const info of link.client.workflow.list({ query: QUERY })) {
      const summary = summarize(info);
      if (!latest.has(summary.name)) latest.set(summary.name, summary);
      if (latest.size >= limit) return;
    }
  };
  await callWithDeadline(link, read, LIST_DEADLINE_MS);
  return [...latest.values()];
}

export function summarize(info: Omit<WorkflowExecutionInfo, 'raw'>): MigrationSummary {
  const memo = memoOf(info.memo);
  return {
    name: nameOfWorkflow(info.workflowId) ?? info.workflowId,
    workflow: workflowStatusOf(info.status.name),
    startedAt: memo.startedAt ?? info.startTime.toISOString(),
    ...(info.closeTime ? { endedAt: info.closeTime.toISOString() } : {}),
    taskQueue: info.taskQueue,
    runId: info.runId,
    ...(memo.mode ? { mode: memo.mode } : {}),
    ...(memo.source ? { source: memo.source } : {}),
    ...(memo.target ? { target: memo.target } : {}),
  };
}

function memoOf(memo: Record<string, unknown> | undefined): Partial<MigrationMemo> {
  const ours = memo?.['pgtrek'];
  return typeof ours === 'object' && ours !== null ? ours : {};
}
