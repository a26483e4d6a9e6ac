/** The state of a migration that has just begun, from a spec that nobody has checked yet. */
import { nameOfWorkflow } from '../contract/names.js';
import { MODES, stagesOf } from '../contract/state.js';
import type { LoadMethod, MigrationState, Mode, StopPlan } from '../contract/state.js';
import type { Spec, SpecInput } from '../contract/spec.js';
import { workflowInfo } from '@temporalio/workflow';

export function firstState(input: SpecInput | null | undefined, owner: string): MigrationState {
  const mode = modeOf(input?.mode);
  const method = methodOf(input?.load?.method);
  return {
    version: 1,
    name: nameOfWorkflow(workflowInfo().workflowId) ?? String(input?.name),
    owner,
    mode,
    method,
    status: 'running',
    stage: 'validate',
    stages: stagesOf(mode, method).map((name) => ({ name, status: 'waiting' })),
    lanes: [],
    totals: {
      tables: 0,
      tablesCopied: 0,
      parts: 0,
      partsCopied: 0,
      bytesPlanned: '0',
      bytesDone: '0',
      bytesCopied: '0',
      rowsCopied: '0',
      indexes: 0,
      indexesBuilt: 0,
      constraints: 0,
      constraintsBuilt: 0,
    },
    findings: [],
    events: [],
  };
}

function modeOf(mode: unknown): Mode {
  return MODES.find((known) => known === mode) ?? 'full-load-and-cdc';
}

function methodOf(method: unknown): LoadMethod {
  return method === 'dump' || method === 'native' ? method : 'stream';
}

/** The stop that a completed spec plans: the workflow cannot use contract/spec.ts, which brings zod. */
export function plannedStop(spec: Spec): StopPlan {
  const { at, lsn, now, then } = spec.cdc.stop;
  if (at !== undefined) return { kind: 'at', at, then };
  if (lsn !== undefined) return { kind: 'lsn', lsn: lsn.toUpperCase(), then };
  return { kind: now ? 'now' : 'never', then };
}
