import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { PgtrekError } from '../contract/errors.js';
import { QUERIES } from '../contract/messages.js';
import type {
  AbortMessage,
  CutoverMessage,
  FinishMessage,
  MessageName,
  MessageShapes,
  PauseMessage,
  RestartMessage,
  ResumeMessage,
  RetryMessage,
  RollbackMessage,
  SetLoadMessage,
  StopMessage,
  VerifyMessage,
} from '../contract/message-shapes.js';
import { workflowId } from '../contract/names.js';
import type { MigrationEvent, MigrationState, Outcome, TablesPage } from '../contract/state.js';
import { askMigration } from './ask-migration.js';
import { awaitOutcome } from './await-outcome.js';
import { summarize } from './list-migrations.js';
import type { MigrationSummary } from './list-migrations.js';
import { decodeLiveFigures } from './live-figures.js';
import type { RunningFigures } from './live-figures.js';
import { readReport } from './report/read-report.js';
import type { MigrationReport } from './report/shape.js';
import { sendSignal, sendUpdate } from './send-message.js';
import { translateServiceError } from './service-errors.js';
import { callWithDeadline } from './temporal-link.js';
import type { TemporalLink } from './temporal-link.js';
import { watchMigration } from './watch-migration.js';
import type { MigrationView, WatchOptions } from './watch-migration.js';

/**
 * One migration, by name: what it says of itself, and what it can be told. Every method throws PgtrekError:
 * MIGRATION_NOT_FOUND, TEMPORAL_UNREACHABLE, and NO_WORKER where a worker has to answer (all but `live`, `summary`,
 * `report`, `result` and `signal`).
 */
export class Migration {
  readonly name: string;
  readonly #link: TemporalLink;
  readonly #handle: WorkflowHandle;

  /** @internal Use `Pgtrek.start` or `Pgtrek.get`. */
  constructor(link: TemporalLink, name: string) {
    this.name = name;
    this.#link = link;
    this.#handle = link.client.workflow.getHandle(workflowId(name));
  }

  /** Everything that a person needs to see; bounded, so a long list of tables is not in it. */
  state(): Promise<MigrationState> {
    return askMigration(this.#link, this.#handle, { query: QUERIES.state });
  }

  /** A page of the tables with their sizes and what became of them. */
  tables(page: { offset?: number; limit?: number } = {}): Promise<TablesPage> {
    return askMigration(this.#link, this.#handle, { query: QUERIES.tables, argument: page });
  }

  /** What happened, oldest first; the last 200. */
  events(): Promise<MigrationEvent[]> {
    return askMigration(this.#link, this.#handle, { query: QUERIES.events });
  }

  /** What the running activities measured, about a second ago. */
  async live(): Promise<RunningFigures[]> {
    return decodeLiveFigures(this.#link.client, await this.#describe());
  }

  /** What Temporal knows of it, without a worker's help. */
  async summary(): Promise<MigrationSummary> {
    return summarize(await this.#describe());
  }

  /**
   * All that is known of it, for people who were not there: what was found, when each stage ran, how far it lagged, where it
   * stopped, who asked for what. Read from the histories of all its runs; a worker is asked too, if one answers.
   */
  report(): Promise<MigrationReport> {
    return readReport(this.#link, this.#handle, this.name);
  }

  /** State, live figures and the progress of a load, at once and then every interval; the last one is of the ended migration. */
  watch(options: WatchOptions = {}): AsyncIterable<MigrationView> {
    return watchMigration(this.#link, this.#handle, options);
  }

  /**
   * Waits for the end. Throws the code of a workflow that failed (SPEC_INVALID), and CLEANUP_INCOMPLETE for one
   * that was terminated. `patienceMs`: how long the server may be away meanwhile (default 10 minutes).
   */
  result({ patienceMs = 600_000 }: { patienceMs?: number } = {}): Promise<Outcome> {
    return awaitOutcome(this.#link, this.#handle, { patienceMs });
  }

  /**
   * Plans, changes or takes back the stop: `at` a time, at an `lsn` that the source has not reached, `now` or `never`.
   * Like all messages below: returns the state after it, or throws MESSAGE_REFUSED with the reason.
   */
  stop(message: StopMessage): Promise<MigrationState> {
    return this.#update('stop', message);
  }

  /**
   * In load nothing new begins; while changes flow the lanes stop at a marker, exactly; elsewhere the next stage waits.
   * The source keeps WAL meanwhile. A stop that is planned stays planned.
   */
  pause(message: PauseMessage = {}): Promise<MigrationState> {
    return this.#update('pause', message);
  }

  /** Ends a pause; or lets lanes that stand after a stop go on, with no stop planned. */
  resume(message: ResumeMessage = {}): Promise<MigrationState> {
    return this.#update('resume', message);
  }

  /**
   * Makes the target the primary, behind the fence of the spec. `maxPause` (`500ms`, `5s`, `2min`; default: the spec's): it is
   * undone when writers would wait longer. `dryRun`: only looks. Returns before it is done: `state.cutover` tells the
   * result, once its `at` is another than before.
   */
  cutover(message: CutoverMessage = {}): Promise<MigrationState> {
    return this.#update('cutover', message);
  }

  /** After a cutover that keeps a way back (`cutover.reverse`): the same the other way round. */
  rollback(message: RollbackMessage = {}): Promise<MigrationState> {
    return this.#update('rollback', message);
  }

  /**
   * Compares both databases: exactly while the lanes stand or after a full load, and as changes flow otherwise. Returns before it is done:
   * `state.verification` tells the result, once `state.verifying` is gone.
   */
  verify(message: VerifyMessage = {}): Promise<MigrationState> {
    return this.#update('verify', message);
  }

  /** Goes on after what blocks was mended. */
  retry(message: RetryMessage = {}): Promise<MigrationState> {
    return this.#update('retry', message);
  }

  /**
   * After the schema of the source changed (`state.drift`, or blocked by SCHEMA_CHANGED): begins again from validate in
   * a new run of the same workflow, with the same owner, which `watch` and `result` follow. Refused without
   * `dropTarget: true` where it drops what was restored.
   */
  restartOnSchemaChange(message: RestartMessage = {}): Promise<MigrationState> {
    return this.#update('restartOnSchemaChange', message);
  }

  /** Until the load is done: how many tables are copied (`jobs`, 1 to 64) and indexed (`indexJobs`, 1 to 32) at a time. */
  setLoad(message: SetLoadMessage): Promise<MigrationState> {
    return this.#update('setLoad', message);
  }

  /** Once stopped: sets the sequences unless a cutover has, removes everything that is pgtrek's, and completes. */
  finish(message: FinishMessage = {}): Promise<MigrationState> {
    return this.#update('finish', message);
  }

  /** Ends the migration and cleans up; what was restored stays on the target unless `dropTarget` is true. */
  abort(message: AbortMessage = {}): Promise<MigrationState> {
    return this.#update('abort', message);
  }

  /** Sends any of these messages without waiting for an answer; it is kept until a worker takes it. */
  signal<Name extends MessageName>(name: Name, message: MessageShapes[Name]): Promise<void> {
    return sendSignal(this.#link, this.#handle, { name, message });
  }

  /** Whether its workflow runs; with `owner` (a first run id), whether it is that very one. False for an unknown name. */
  async isRunning(owner?: string): Promise<boolean> {
    try {
      const { status, raw } = await this.#describe();
      const firstRunId = raw.workflowExecutionInfo?.firstRunId;
      const isOpen =
        status.name === 'RUNNING' || status.name === 'PAUSED' || status.name === 'CONTINUED_AS_NEW';
      return isOpen && (owner === undefined || firstRunId === owner);
    } catch (error) {
      if (error instanceof PgtrekError && error.code === 'MIGRATION_NOT_FOUND') return false;
      throw error;
    }
  }

  #update<Name extends MessageName>(name: Name, message: MessageShapes[Name]): Promise<MigrationState> {
    return sendUpdate(this.#link, this.#handle, { name, message });
  }

  async #describe(): Promise<WorkflowExecutionDescription> {
    try {
      return await callWithDeadline(this.#link, () => this.#handle.describe());
    } catch (error) {
      throw translateServiceError(this.#link, error);
    }
  }
}
