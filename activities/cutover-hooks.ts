/** What a spec's `cutover.hooks` call: commands, HTTP, PgBouncer. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HookMoment, HookResult } from '../contract/cutover.js';
import { PgtrekError } from '../contract/errors.js';
import type { CutoverHook, PasswordReference } from '../contract/spec.js';
import { millisecondsOf } from '../contract/values.js';
import { messageOf } from '../postgres/classify-error.js';
import type { Job } from '../postgres/job.js';
import { addressesOf, environmentOf, hookMessage } from './cutover-hook-message.js';
import type { CutoverFacts } from './cutover-hook-message.js';
import { openClients, pauseClients, resumeClients } from './cutover-pgbouncer.js';
import { runCommand } from './hook-command.js';
import { postWebhook } from './hook-webhook.js';
import { redact } from './step.js';
import type { ActivityDependencies } from './step.js';

/** Never throws: each result tells how it went. `undo` calls those alone whose `before` was called; all, in a process that called none. */
export type Hooks = (moment: HookMoment, signal: AbortSignal) => Promise<HookResult[]>;

/** `job.spec.source` is the old primary. */
export function createHooks(dependencies: ActivityDependencies, job: Job, facts: CutoverFacts): Hooks {
  const { source, target, replication } = job.servers;
  const secrets = [source, target, replication].flatMap(({ password }) => password ?? []);
  const hooks = job.spec.cutover.hooks.map((hook, index) =>
    prepareHook({ dependencies, job, facts, secrets, hook, n: index + 1 }),
  );
  const begun = new Set<PreparedHook>();
  return async (moment, signal) => {
    const results: HookResult[] = [];
    for (const hook of hooksOf(moment, { hooks, begun })) {
      if (moment === 'before') begun.add(hook);
      const result = await callHook(hook, { moment, signal, secrets, job });
      results.push(result);
      // It will be undone.
      if (moment === 'before' && !result.ok) break;
    }
    return results;
  };
}

function hooksOf(
  moment: HookMoment,
  { hooks, begun }: { hooks: PreparedHook[]; begun: Set<PreparedHook> },
): PreparedHook[] {
  if (moment !== 'undo') return hooks;
  // An attempt that died may have called them.
  return (begun.size === 0 ? hooks : [...begun]).toReversed();
}

interface PreparedHook {
  n: number;
  kind: HookResult['kind'];
  /** How often it is tried at most, where a failure may pass. */
  attempts: number;
  /** Resolves to what it did. */
  call: (moment: HookMoment, signal: AbortSignal) => Promise<string>;
}

interface HookParts {
  dependencies: ActivityDependencies;
  job: Job;
  facts: CutoverFacts;
  /** Grows by what is resolved for a call. */
  secrets: string[];
  hook: CutoverHook;
  n: number;
}

/** A console that was not there, and a program that could not be started. */
const ATTEMPTS = 3;

/** From one attempt to the next: clients wait meanwhile. */
const RETRY_MS = 200;

function prepareHook(parts: HookParts): PreparedHook {
  const { hook, n } = parts;
  if ('http' in hook)
    return { n, kind: 'http', attempts: hook.http.retries + 1, call: callHttp(parts, hook.http) };
  if ('command' in hook)
    return { n, kind: 'command', attempts: ATTEMPTS, call: callCommand(parts, hook.command) };
  return { n, kind: 'pgbouncer', attempts: ATTEMPTS, call: callPgBouncer(parts, hook.pgbouncer) };
}

async function callHook(
  { n, kind, attempts: most, call }: PreparedHook,
  { moment, signal, secrets, job }: { moment: HookMoment; signal: AbortSignal; secrets: string[]; job: Job },
): Promise<HookResult> {
  const begun = performance.now();
  const { observer } = job.servers;
  let attempts = 0;
  const resultOf = (ok: boolean, text: string): HookResult => {
    const ms = Math.round(performance.now() - begun);
    return { n, kind, moment, ok, attempts, ms, text: redact(text, secrets).slice(0, MAX_TEXT) };
  };
  for (;;) {
    try {
      signal.throwIfAborted();
      attempts += 1;
      await observer?.('before', `hook-${moment}`);
      const text = await call(moment, signal);
      await observer?.('after', `hook-${moment}`);
      return resultOf(true, text);
    } catch (error) {
      if (signal.aborted) return resultOf(false, `there was no more time for it: ${messageOf(error)}`);
      const mayPass = error instanceof PgtrekError && error.retryable && attempts < most;
      if (!mayPass) return resultOf(false, messageOf(error));
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** It goes into the report, and so into the history. */
const MAX_TEXT = 500;

type HttpHook = Extract<CutoverHook, { http: unknown }>['http'];

function callHttp(parts: HookParts, { url, secret, timeout }: HttpHook): PreparedHook['call'] {
  return async (moment, signal) => {
    await postWebhook({
      url,
      body: JSON.stringify(hookMessage(parts, moment)),
      key: keyOf(parts, moment),
      secret: await resolve(parts, secret),
      timeoutMs: millisecondsOf(timeout) ?? 0,
      signal,
    });
    return `${new URL(url).host} has taken it`;
  };
}

type CommandHook = Extract<CutoverHook, { command: unknown }>['command'];

function callCommand(parts: HookParts, command: CommandHook): PreparedHook['call'] {
  return async (moment, signal) => {
    await runOnce(parts, command, { moment, signal });
    return `${command.run[0]} ended with 0`;
  };
}

/** What a program has done before it failed nobody knows: only one that did not start is worth another attempt. */
async function runOnce(
  parts: HookParts,
  { run: [program, ...args], timeout }: CommandHook,
  { moment, signal }: { moment: HookMoment; signal: AbortSignal },
): Promise<void> {
  const message = hookMessage(parts, moment);
  let started = false;
  try {
    await runCommand({
      run: [program, ...args, moment],
      hooksDir: parts.dependencies.hooksDir,
      body: JSON.stringify(message),
      key: keyOf(parts, moment),
      env: environmentOf(message),
      timeoutMs: millisecondsOf(timeout) ?? 0,
      signal,
      onStart: () => {
        started = true;
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!started) throw error;
    throw new PgtrekError('HOOK_FAILED', messageOf(error), { cause: error });
  }
}

type PgBouncerHook = Extract<CutoverHook, { pgbouncer: unknown }>['pgbouncer'];

function callPgBouncer(parts: HookParts, hook: PgBouncerHook): PreparedHook['call'] {
  const { host, port, user, tls, database, retarget, timeout } = hook;
  const { observer } = parts.job.servers;
  const memory = {};
  return async (moment, signal) => {
    const password = await resolve(parts, hook.password);
    return BY_MOMENT[moment]({
      endpoint: { host, port, user, password, tls },
      database,
      ...addressesOf(parts.job),
      retarget: () => runOnce(parts, retarget, { moment: moment === 'open' ? 'open' : 'undo', signal }),
      timeoutMs: millisecondsOf(timeout) ?? 0,
      memory,
      signal,
      observer,
    });
  };
}

const BY_MOMENT = { before: pauseClients, open: openClients, undo: resumeClients };

/** Undefined without a reference; what it resolves to is blotted out of every text from then on. */
async function resolve(
  { dependencies, secrets }: HookParts,
  reference: PasswordReference | undefined,
): Promise<string | undefined> {
  if (!reference) return undefined;
  const secret = await dependencies.resolveSecret(reference);
  secrets.push(secret);
  return secret;
}

/** The same for a repetition. The owner is in the marker's id. */
function keyOf({ facts, n }: HookParts, moment: HookMoment): string {
  return `${facts.marker}:${n}:${moment}`;
}
