/** The library: start, watch and steer migrations from any Node service. docs/library.md shows it in use. */
export { connect } from './connect.js';
export type { ConnectOptions } from './connect.js';
export { Pgtrek } from './pgtrek.js';
export type { StartOptions } from './pgtrek.js';
export { Migration } from './migration.js';
export type { MigrationSummary } from './list-migrations.js';
export type { RunningFigures } from './live-figures.js';
export { measureOnce } from './load-progress.js';
export type { LoadProgress, Progress, TableProgress } from './load-progress.js';
export type * from './report/shape.js';
export type { MigrationView, WatchOptions } from './watch-migration.js';
export type { WorkflowStatus } from './workflow-status.js';

export { ERROR_CODES, PgtrekError, isErrorCode } from '../contract/errors.js';
export type { ErrorCode } from '../contract/errors.js';
export { parseSpec, specJsonSchema } from '../contract/spec.js';
export type { Spec, SpecInput } from '../contract/spec.js';
export type {
  AbortMessage,
  CutoverMessage,
  FinishMessage,
  MessageName,
  MessageShapes,
  PauseMessage,
  RestartMessage,
  ResumeMessage,
  RetryMessage,
  Sender,
  SetLoadMessage,
  StopMessage,
  StopThen,
  VerifyMessage,
} from '../contract/message-shapes.js';
export type * from '../contract/state.js';
export type * from '../contract/cutover.js';
export type * from '../contract/verification.js';
