/** The shapes of the messages: each is one optional JSON object. */

export interface Sender {
  /** Who sends it, for the events. */
  by?: string;
  reason?: string;
}

/** finish: set sequences, remove all objects of ours, complete. wait: keep the stopped lanes for the next message. */
export type StopThen = 'finish' | 'wait';

export interface StopMessage extends Sender {
  /** Exactly one of the four. `at` is an ISO time, judged by the source's clock. */
  at?: string;
  /** A position in the source's log, which it has not reached yet. */
  lsn?: string;
  now?: true;
  never?: true;
  then?: StopThen;
}

export type PauseMessage = Sender;
/** Ends a pause; or lets lanes that stand after a stop go on, with no stop planned. */
export type ResumeMessage = Sender;
export interface RetryMessage extends Sender {
  /** Consent to leave out exactly one transaction: the `lsn` of what blocks as APPLY_ERROR. */
  skip?: string;
}
export type FinishMessage = Sender;

export interface CutoverMessage extends Sender {
  /** Only looks whether a cutover would be begun now, and tells what it would wait for. */
  dryRun?: boolean;
  /** Longest time for which writers may have to wait, such as 500ms; default: that of the spec. When it passes, the cutover is undone. */
  maxPause?: string;
}

/** After a cutover that keeps a way back: the same the other way round. */
export type RollbackMessage = CutoverMessage;

export interface VerifyMessage extends Sender {
  /** Patterns as in `select`; default: all that the migration carries. */
  tables?: string[];
  /** Consent to mend on the target the rows that are listed as different. Only while the lanes stand. */
  repair?: boolean;
}

export interface RestartMessage extends Sender {
  /** From the start, not the changed tables alone; from any stage but monitor it is so anyway. */
  full?: boolean;
  /** Consent to drop what the restore made on the target. */
  dropTarget?: boolean;
}

export interface SetLoadMessage extends Sender {
  /** At least one of the two: tables copied, and tables indexed, at the same time. */
  jobs?: number;
  indexJobs?: number;
}

export interface AbortMessage extends Sender {
  /** Consent to drop what the restore made on the target. */
  dropTarget?: boolean;
}

export interface MessageShapes {
  stop: StopMessage;
  pause: PauseMessage;
  resume: ResumeMessage;
  cutover: CutoverMessage;
  rollback: RollbackMessage;
  verify: VerifyMessage;
  finish: FinishMessage;
  retry: RetryMessage;
  restartOnSchemaChange: RestartMessage;
  setLoad: SetLoadMessage;
  abort: AbortMessage;
}
export type MessageName = keyof MessageShapes;
