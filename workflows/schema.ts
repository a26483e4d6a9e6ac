/** validate, dump and restore of the schema. */
import { ApplicationFailure } from '@temporalio/workflow';
import type { DumpResult } from '../contract/activities.js';
import { bothAnswer } from '../contract/findings.js';
import type { Finding } from '../contract/state.js';
import { stagesOf } from '../contract/state.js';
import { plannedStop } from './first-state.js';
import { step } from './proxies.js';
import { note, runArgument } from './run.js';
import type { MigrationRun } from './run.js';

/** How many findings the state holds: blocks first. */
const FINDINGS_KEPT = 100;

/** Changes nothing that stays; what blocks is told with its remedies, and looked at again after `retry`. */
export async function validate(run: MigrationRun): Promise<void> {
  const { spec, estimates, ...checked } = await step('validate both servers').validate({
    input: run.input,
    owner: run.owner,
  });
  adopt(run, spec);
  const findings = [...checked.findings, ...(await rehearse(run, checked.findings))];
  const order = { block: 0, warn: 1, ok: 2 };
  run.state.findings = [...findings]
    .sort((a, b) => order[a.verdict] - order[b.verdict])
    .slice(0, FINDINGS_KEPT);
  if (estimates) run.state.estimates = estimates;
  const blocking = findings.filter(({ verdict }) => verdict === 'block');
  // A stop that was planned anew since then counts, not the spec's, which may have passed.
  const open =
    run.progress.planRevision > 0 ? blocking.filter(({ id }) => !id.startsWith('stop.')) : blocking;
  if (open.length > 0) throw blockedByFindings(open);
}

/** Specs that versions before it completed lack the field. */
async function rehearse(run: MigrationRun, findings: Finding[]): Promise<Finding[]> {
  const isAsked = run.spec !== undefined && 'validate' in run.spec && run.spec.validate.rehearse;
  if (!isAsked || !bothAnswer(findings)) return [];
  const rehearsed = await step('rehearse the restore').rehearse({ run: runArgument(run) });
  return rehearsed.findings;
}

function adopt(run: MigrationRun, spec: NonNullable<MigrationRun['spec']>): void {
  run.spec = spec;
  const { state } = run;
  state.mode = spec.mode;
  state.method = spec.load.method;
  const names = stagesOf(spec.mode, spec.load.method);
  state.stages = names.map(
    (name) => state.stages.find((known) => known.name === name) ?? { name, status: 'waiting' },
  );
  state.load ??= { jobs: spec.load.jobs, indexJobs: spec.load.indexJobs };
  if (spec.mode !== 'full-load') state.stop ??= plannedStop(spec);
}

function blockedByFindings(blocking: Finding[]): ApplicationFailure {
  const [first] = blocking;
  const others = blocking.length > 1 ? ` (and ${String(blocking.length - 1)} more findings)` : '';
  return ApplicationFailure.create({
    type: 'VALIDATION_FAILED',
    message: `${first?.why ?? ''}${others}`,
    nonRetryable: true,
    details: [{ remedy: first?.remedy, object: first?.scope }],
  });
}

export async function dumpSchema(run: MigrationRun): Promise<void> {
  const dumped = await step('dump the schema into the ledger').dumpSchema({ run: runArgument(run) });
  noteDump(run, dumped);
}

function noteDump(run: MigrationRun, { tables, indexes, constraints, leftOut }: DumpResult): void {
  Object.assign(run.state.totals, { tables, indexes, constraints });
  for (const line of leftOut) note(run, 'left-out', `not restored: ${line}`);
}

export async function restoreSchema(run: MigrationRun): Promise<void> {
  const { objects } = await step('restore the schema, without indexes and keys').restorePreData({
    run: runArgument(run),
  });
  note(run, 'restored', `${String(objects)} objects of the schema are on the target`);
}
