/**
 * Every error code of pgtrek, once. A code is the `type` of a Temporal ApplicationFailure, a heading in
 * docs/errors.md, and the first word of the command line's error text. Codes are never renamed: histories hold them.
 */
export const ERROR_CODES = {
  SPEC_INVALID: 'the spec can never work as it is written',
  NOT_BUILT_YET: 'the spec asks for something that this version of pgtrek does not do',
  VALIDATION_FAILED: 'validate found something that must be mended before anything is changed',
  SECRET_UNAVAILABLE: 'a password reference cannot be resolved on this worker',
  SERVER_UNREACHABLE: 'a database server cannot be reached',
  LOGIN_REFUSED: 'a database server refused the login',
  PERMISSION_DENIED: 'a database role lacks a privilege',
  TOOLS_MISSING: 'pg_dump or pg_restore is missing, or too old for the source',
  LEFTOVER_OBJECTS: 'objects of another run of this migration are still there',
  DUMP_FAILED: 'pg_dump failed',
  DISK_FULL: 'the disk of a worker is too small for the dump',
  DUMP_LOST: 'the dump is on a worker host that is gone',
  RESTORE_FAILED: 'pg_restore failed',
  RESTORE_PARTIAL: 'some objects of the schema exist on the target, and some do not',
  SCHEMA_CHANGED: 'the schema of the source is no longer the one that was dumped',
  CONSENT_NEEDED: 'going on would drop objects of the target, and nobody has consented to that',
  PUBLICATION_INCOMPLETE: 'the publication does not hold what the lane needs',
  SLOT_CREATION_BLOCKED: 'a replication slot waits for transactions that are still open on the source',
  SNAPSHOT_LOST: 'the snapshot that the load reads from is gone',
  HEAP_REWRITTEN: 'a table was rewritten or truncated on the source while it was copied',
  COPY_FAILED: 'the data of a table could not be copied',
  LARGE_OBJECT_EXISTS: 'the target has large objects with the numbers of those that are to be copied',
  INDEX_FAILED: 'an index or a key could not be built on the target',
  CONSTRAINT_VIOLATED: 'the data breaks a constraint',
  LOAD_OR_WAY_BACK: 'tables are loaded, or changes flow back from them: never both',
  SUBSCRIPTION_FAILED: 'the subscription could not be made or does not run',
  SUBSCRIPTION_DISABLED: 'the subscription was disabled, not by pgtrek',
  SLOT_LOST: 'the replication slot is gone or was invalidated',
  APPLY_ERROR: 'the target cannot apply a change of the source',
  STOP_FAILED: 'the lanes did not stop at their marker',
  HOOK_REFUSED: 'a command hook is not one that this worker allows',
  HOOK_FAILED: 'a webhook or a command hook failed',
  CLEANUP_INCOMPLETE: 'some objects of the migration could not be removed',
  SQL_FAILED: 'a statement failed',
  SUPERSEDED: 'a newer attempt of the same step took over',
  HISTORY_GONE: 'Temporal no longer holds this migration',
  MIGRATION_EXISTS: 'a migration of this name is running',
  MIGRATION_NOT_FOUND: 'there is no migration of this name',
  MESSAGE_REFUSED: 'the migration does not accept this message now',
  MESSAGE_INVALID: 'the message is malformed',
  NO_WORKER: 'no worker polls the task queue',
  TEMPORAL_UNREACHABLE: 'the Temporal server cannot be reached',
  INTERNAL_ERROR: 'a defect of pgtrek',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorFacts {
  /** The database object that it is about, as SQL would name it. */
  object?: string;
  /** What mends it: a statement or a step. */
  remedy?: string;
  /** True when the same call may succeed later without anybody's help. */
  retryable?: boolean;
  cause?: unknown;
}

/** The error that every layer of pgtrek throws: a code, what failed on which object, and what mends it. */
export class PgtrekError extends Error {
  override readonly name = 'PgtrekError';
  readonly code: ErrorCode;
  readonly object: string | undefined;
  readonly remedy: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.object = facts.object;
    this.remedy = facts.remedy;
    this.retryable = facts.retryable ?? false;
  }
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERROR_CODES, text);
}
