import {
  NamespaceNotFoundError,
  QueryNotRegisteredError,
  WorkflowNotFoundError,
  isGrpcServiceError,
} from '@temporalio/client';
import { PgtrekError } from '../contract/errors.js';
import { nameOfWorkflow } from '../contract/names.js';
import type { TemporalLink } from './temporal-link.js';

/** gRPC status codes that decide what a failed call means. */
export const GRPC = {
  CANCELLED: 1,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export interface ServiceFault {
  code: number;
  /** The server's own words. */
  details: string;
}

/** The gRPC status behind an error of the SDK, or undefined if it has none. */
export function serviceFaultOf(error: unknown): ServiceFault | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) return { code: cause.code, details: cause.details };
  }
  return undefined;
}

/** True when the deadline passed: the server may see it first, and then cancels the call. */
export function isLate(error: unknown): boolean {
  const code = serviceFaultOf(error)?.code;
  return code === GRPC.DEADLINE_EXCEEDED || code === GRPC.CANCELLED;
}

/** True while the server does not answer, which may pass. */
export function isOutage(error: unknown): boolean {
  return isLate(error) || serviceFaultOf(error)?.code === GRPC.UNAVAILABLE;
}

/** The PgtrekError for what a call of the Temporal client threw. */
export function translateServiceError(link: TemporalLink, error: unknown): PgtrekError {
  if (error instanceof PgtrekError) return error;
  if (error instanceof WorkflowNotFoundError) return migrationNotFound(link, error);
  if (error instanceof NamespaceNotFoundError) return namespaceNotFound(link, error);
  if (error instanceof QueryNotRegisteredError) {
    return new PgtrekError('INTERNAL_ERROR', `The worker does not answer this question: ${error.message}`, {
      remedy: 'Run the same version of pgtrek here and in the worker.',
      cause: error,
    });
  }
  const fault = serviceFaultOf(error);
  if (fault?.code === GRPC.PERMISSION_DENIED || fault?.code === GRPC.UNAUTHENTICATED) {
    return new PgtrekError(
      'TEMPORAL_UNREACHABLE',
      `Temporal at ${link.address} refused us: ${fault.details}`,
      {
        remedy: `Check the credentials for namespace ${link.namespace}: TEMPORAL_API_KEY or TEMPORAL_TLS_*.`,
        cause: error,
      },
    );
  }
  if (isOutage(error)) return temporalUnreachable(link.address, error);
  const text = fault?.details ?? (error instanceof Error ? error.message : String(error));
  return new PgtrekError('INTERNAL_ERROR', `A call to Temporal failed: ${text}`, { cause: error });
}

export function temporalUnreachable(address: string, cause: unknown): PgtrekError {
  return new PgtrekError('TEMPORAL_UNREACHABLE', `No Temporal server answers at ${address}.`, {
    remedy:
      'Set TEMPORAL_ADDRESS (or --address) to your server, or start one for development: temporal server start-dev',
    retryable: true,
    cause,
  });
}

function migrationNotFound(link: TemporalLink, error: WorkflowNotFoundError): PgtrekError {
  const name = nameOfWorkflow(error.workflowId) ?? error.workflowId;
  const where = `namespace ${link.namespace} of ${link.address}`;
  return new PgtrekError('MIGRATION_NOT_FOUND', `There is no migration "${name}" in ${where}.`, {
    object: name,
    remedy:
      'pgtrek list shows those that Temporal holds; it forgets ended ones after the namespace’s retention time.',
    cause: error,
  });
}

function namespaceNotFound(link: TemporalLink, error: NamespaceNotFoundError): PgtrekError {
  return new PgtrekError(
    'TEMPORAL_UNREACHABLE',
    `Temporal at ${link.address} has no namespace "${error.namespace}".`,
    {
      remedy: `Set TEMPORAL_NAMESPACE (or --namespace), or make it: temporal operator namespace create ${error.namespace}`,
      cause: error,
    },
  );
}
