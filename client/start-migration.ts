import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { PgtrekError } from '../contract/errors.js';
import { WORKFLOW_TYPE, workflowId } from '../contract/names.js';
import { packageVersion } from '../contract/package-version.js';
import { parseSpec } from '../contract/spec.js';
import type { ConnectionSpec, Spec, SpecInput } from '../contract/spec.js';
import { translateServiceError } from './service-errors.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';
import { requireWorker } from './worker-presence.js';
import type { OnWait } from './worker-presence.js';

/** What the list shows of a migration, kept in the workflow's memo. No secrets, and small: it is read with every list. */
export interface MigrationMemo {
  name: string;
  mode: Spec['mode'];
  /** host:port/database */
  source: string;
  target: string;
  /** ISO; the workflow's own start time begins anew when it continues as new. */
  startedAt: string;
  /** Of pgtrek that started it; absent in those that older versions started. */
  pgtrek?: string;
}

/** The Web UI makes its frame 32 pixels too low for the details in it: a last paragraph with nothing to see is what it cuts. */
const CUT_BY_THE_PAGE = '\u00a0';
/** The server refuses longer ones. */
const SUMMARY_BYTES = 200;
/** Replaying 4,000 events takes 2 s on a busy machine; the default of 10 s would fail a long history for ever. */
const WORKFLOW_TASK_TIMEOUT = '30s';

/** Checks the spec, looks for a worker, and starts the workflow. Returns the name. */
export async function startMigration(
  link: TemporalLink,
  input: SpecInput,
  options: { taskQueue: string | undefined; requireWorker: boolean; onWait: OnWait | undefined },
): Promise<string> {
  const spec = parseSpec(input);
  const taskQueue = options.taskQueue ?? spec.taskQueue;
  try {
    if (options.requireWorker) await requireWorker(link, taskQueue, options.onWait);
    await callWithDeadline(link, () =>
      link.client.workflow.start(WORKFLOW_TYPE, {
        workflowId: workflowId(spec.name),
        taskQueue,
        args: [taskQueue === spec.taskQueue ? input : { ...input, taskQueue }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
        ...describeStart(spec),
      }),
    );
    return spec.name;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw migrationExists(spec.name, error);
    throw translateServiceError(link, error);
  }
}

/** What the Web UI and `pgtrek list` show of a migration before its first activity. */
function describeStart(spec: Spec): {
  staticSummary: string;
  staticDetails: string;
  memo: { pgtrek: MigrationMemo };
} {
  const source = describeEnd(spec.source);
  const target = describeEnd(spec.target);
  const details = [
    `**${spec.name}**: ${spec.mode}, method ${spec.load.method}`,
    // Markdown: without it the list runs into one line.
    '',
    `- source: ${source} as ${spec.source.user}`,
    `- target: ${target} as ${spec.target.user}`,
    ...(spec.mode === 'cdc' ? [`- start: ${describeBeginning(spec)}`] : []),
    ...(spec.mode === 'full-load' ? [] : [`- stop: ${describeStop(spec)}`]),
    '',
    CUT_BY_THE_PAGE,
  ];
  const startedAt = new Date().toISOString();
  return {
    staticSummary: cutToBytes(`${spec.name}: ${source} → ${target}`, SUMMARY_BYTES),
    staticDetails: details.join('\n'),
    memo: {
      pgtrek: { name: spec.name, mode: spec.mode, source, target, startedAt, pgtrek: packageVersion() },
    },
  };
}

function describeEnd({ host, port, database }: ConnectionSpec): string {
  return `${host}:${port}/${database}`;
}

function describeBeginning({ cdc: { start } }: Spec): string {
  if (start === 'now') return 'now';
  return `slot ${start.slot}${start.lsn === undefined ? '' : ` from ${start.lsn}`}`;
}

function describeStop(spec: Spec): string {
  const { at, lsn, now, then } = spec.cdc.stop;
  const point = at ?? lsn;
  if (point === undefined && !now) return 'when told to';
  return `${point === undefined ? 'as soon as the target has caught up' : `at ${point}`}, then ${then}`;
}

function cutToBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  let cut = text;
  while (Buffer.byteLength(cut) > limit - Buffer.byteLength('…')) cut = cut.slice(0, -1);
  return `${cut}…`;
}

function migrationExists(name: string, cause: unknown): PgtrekError {
  return new PgtrekError('MIGRATION_EXISTS', `A migration "${name}" is running already.`, {
    object: name,
    remedy: `See it with pgtrek status ${name}; then choose another name, or end it with pgtrek abort ${name}.`,
    cause,
  });
}
