import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { PgtrekError, isErrorCode } from '../contract/errors.js';
import { MESSAGES } from '../contract/messages.js';
import type { MessageName, MessageShapes } from '../contract/message-shapes.js';
import { nameOfWorkflow } from '../contract/names.js';
import type { MigrationState } from '../contract/state.js';
import { explainSilence } from './ask-migration.js';
import { GRPC, isOutage, serviceFaultOf, translateServiceError } from './service-errors.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';

/** An Update that the worker takes is answered within 200 ms; 5 s have been seen around continue-as-new. */
const ATTEMPT_DEADLINE_MS = 10_000;
const ATTEMPTS = 3;
const PAUSE_MS = 300;

/** A workflow task that failed under an Update, around continue-as-new for example, refuses it with these. */
const REPEATABLE: ReadonlySet<number | undefined> = new Set([GRPC.FAILED_PRECONDITION, GRPC.ABORTED]);

/**
 * Sends a message as an Update and returns the state after it. It is repeated with the same id, so it takes
 * effect at most once. Throws MESSAGE_INVALID, MESSAGE_REFUSED with the workflow's reason, NO_WORKER (the message may
 * then still be taken when a worker comes back), MIGRATION_NOT_FOUND, TEMPORAL_UNREACHABLE.
 */
export async function sendUpdate<Name extends MessageName>(
  link: TemporalLink,
  handle: WorkflowHandle,
  { name, message }: { name: Name; message: MessageShapes[Name] },
): Promise<MigrationState> {
  requireValid(name, message);
  const updateId = randomUUID();
  const send = () =>
    handle.executeUpdate<MigrationState, [MessageShapes[Name]]>(name, { args: [message], updateId });
  for (let attempt = 1; ; attempt++) {
    try {
      return await callWithDeadline(link, send, ATTEMPT_DEADLINE_MS);
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) throw refusal(error);
      if (error instanceof WorkflowNotFoundError)
        return await answerAfterEnd(link, handle, { name, updateId, attempt, error });
      if (attempt === ATTEMPTS || !isRepeatable(error)) {
        throw await explainSilence(link, handle, error);
      }
      await sleep(PAUSE_MS * attempt);
    }
  }
}

function isRepeatable(error: unknown): boolean {
  return isOutage(error) || REPEATABLE.has(serviceFaultOf(error)?.code);
}

/** Sends a message as a Signal: it is kept until a worker takes it, and nobody says what became of it but the events. */
export async function sendSignal<Name extends MessageName>(
  link: TemporalLink,
  handle: WorkflowHandle,
  { name, message }: { name: Name; message: MessageShapes[Name] },
): Promise<void> {
  requireValid(name, message);
  try {
    await callWithDeadline(link, () => handle.signal(name, message));
  } catch (error) {
    throw hasEnded(error) ? ended(handle, name, error) : translateServiceError(link, error);
  }
}

function requireValid(name: MessageName, message: unknown): void {
  const parsed = MESSAGES[name].parse(message);
  if (!parsed.ok) throw new PgtrekError('MESSAGE_INVALID', `${name}: ${parsed.reason}`);
}

function refusal(error: WorkflowUpdateFailedError): PgtrekError {
  const { cause } = error;
  const type = cause instanceof ApplicationFailure ? cause.type : undefined;
  const code = isErrorCode(type) ? type : 'MESSAGE_REFUSED';
  return new PgtrekError(code, cause?.message ?? error.message, { cause: error });
}

/** The first attempt may have been taken, and its answer lost, before the workflow ended. */
async function answerAfterEnd(
  link: TemporalLink,
  handle: WorkflowHandle,
  sent: { name: MessageName; updateId: string; attempt: number; error: unknown },
): Promise<MigrationState> {
  if (!hasEnded(sent.error)) throw translateServiceError(link, sent.error);
  if (sent.attempt > 1) {
    const earlier = handle.getUpdateHandle<MigrationState>(sent.updateId);
    const answer = await callWithDeadline(link, () => earlier.result()).catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  throw ended(handle, sent.name, sent.error);
}

/** The server says "workflow not found" of an unknown id and "workflow execution already completed" of an ended one. */
function hasEnded(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError && /already completed/i.test(error.message);
}

function ended(handle: WorkflowHandle, message: MessageName, cause: unknown): PgtrekError {
  const name = nameOfWorkflow(handle.workflowId) ?? handle.workflowId;
  return new PgtrekError('MESSAGE_REFUSED', `${message}: the migration "${name}" has ended.`, {
    object: name,
    cause,
  });
}
