/** What every activity shares: databases from the spec, heartbeats, cancellation, and one kind of failure. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Run } from '../contract/activities.js';
import type { PgtrekError } from '../contract/errors.js';
import type { PasswordReference, Spec } from '../contract/spec.js';
import type { LiveFigures } from '../contract/state.js';
import { ApplyFailure } from '../postgres/apply-errors/apply-failure.js';
import { isRetryable, toPgtrekError } from '../postgres/classify-error.js';
import type { Observer } from '../postgres/endpoint.js';
import type { Job } from '../postgres/job.js';
import { resolveServers } from './resolve-servers.js';

export interface ActivityDependencies {
  /** Turns a password reference into the password. Throws SECRET_UNAVAILABLE. */
  resolveSecret: (reference: PasswordReference) => Promise<string>;
  /** Folder for dump files; survives a restart of the worker. */
  dataDir: string;
  /** The queue of this host alone. */
  hostQueue: string;
  observer?: Observer | undefined;
  /** Folder of the programs that a spec's command hook may name; absent: none. */
  hooksDir?: string | undefined;
}

/** Tells what is being done, for `status` and the Web UI; sent with the next heartbeat. */
export type Report = (figures: LiveFigures) => void;

/**
 * Heartbeats go out once a second: a cancel arrives with the answer, and figures are never older. Waiting that is
 * quiet by nature (monitor) says so by its own cadence of reports.
 */
const HEARTBEAT_MS = 1_000;

export interface StepOptions {
  /** Milliseconds between heartbeats, for what nobody waits to see end. */
  heartbeatMs?: number;
}

/** An activity of the contract that works on a migration's databases. */
export function step<Input extends { run: Run }, Output>(
  dependencies: ActivityDependencies,
  doing: string,
  work: (job: Job, input: Input, report: Report) => Promise<Output>,
  options: StepOptions = {},
): (input: Input) => Promise<Output> {
  return (input) =>
    runStep(
      dependencies,
      doing,
      input.run.spec,
      (job, report) => work({ ...job, name: input.run.name, owner: input.run.owner }, input, report),
      options,
    );
}

/** The same before there is a checked spec: name and owner are the caller's to fill in. */
export function runStep<Output>(
  dependencies: ActivityDependencies,
  doing: string,
  spec: Spec,
  work: (job: Job, report: Report) => Promise<Output>,
  options: StepOptions = {},
): Promise<Output> {
  return beatWhile(
    doing,
    async (secrets, report) => {
      const servers = await resolveServers(dependencies, spec, secrets);
      const job: Job = {
        name: spec.name,
        owner: '',
        spec,
        servers,
        signal: Context.current().cancellationSignal,
        dataDir: dependencies.dataDir,
      };
      return work(job, report);
    },
    options,
  );
}

/** Heartbeats for as long as the work lasts. What it adds to `secrets` is blotted out of what it throws. */
export async function beatWhile<Output>(
  doing: string,
  work: (secrets: string[], report: Report) => Promise<Output>,
  { heartbeatMs = HEARTBEAT_MS }: StepOptions = {},
): Promise<Output> {
  const context = Context.current();
  let details: LiveFigures = { kind: 'step', text: doing };
  const timer = setInterval(() => context.heartbeat(details), heartbeatMs);
  const secrets: string[] = [];
  try {
    return await work(secrets, (figures) => {
      details = figures;
    });
  } catch (error) {
    // What a child or a session throws when its signal ends it is no failure of its own.
    context.cancellationSignal.throwIfAborted();
    throw toFailure(toPgtrekError(error, { doing }), secrets);
  } finally {
    clearInterval(timer);
  }
}

/** The failure that goes to the history: without cause and stack, and with every secret blotted out. */
export function toFailure(error: PgtrekError, secrets: string[]): ApplicationFailure {
  const facts = {
    ...(error.object ? { object: error.object } : {}),
    ...(error.remedy ? { remedy: error.remedy } : {}),
    ...(error instanceof ApplyFailure ? { lane: error.lane } : {}),
    ...(error instanceof ApplyFailure && error.applyError ? { applyError: error.applyError } : {}),
  };
  const failure = ApplicationFailure.create({
    type: error.code,
    message: redact(error.message, secrets),
    nonRetryable: !isRetryable(error),
    details: [JSON.parse(redact(JSON.stringify(facts), secrets))],
  });
  failure.stack = `${error.code}: ${failure.message}`;
  return failure;
}

/** Every secret blotted out. */
export function redact(text: string, secrets: string[]): string {
  return secrets.reduce((clean, secret) => (secret === '' ? clean : clean.replaceAll(secret, '***')), text);
}
