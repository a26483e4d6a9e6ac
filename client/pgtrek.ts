import type { SpecInput } from '../contract/spec.js';
import { listMigrations } from './list-migrations.js';
import type { MigrationSummary } from './list-migrations.js';
import { Migration } from './migration.js';
import { translateServiceError } from './service-errors.js';
import { startMigration } from './start-migration.js';
import type { TemporalLink } from './temporal-link.js';

export interface StartOptions {
  /** Refuse with NO_WORKER when nobody polls the task queue within 13 s. @default true */
  requireWorker?: boolean;
  /** Called once when no worker was found for 2 s; `forMs`: how long one is still waited for. */
  onWait?: (wait: { taskQueue: string; forMs: number }) => void;
}

/** All migrations of one Temporal namespace. Made by `connect`. */
export class Pgtrek {
  readonly address: string;
  readonly namespace: string;
  readonly #link: TemporalLink;
  readonly #taskQueue: string | undefined;
  readonly #close: () => Promise<void>;

  /** @internal Use `connect`. */
  constructor(link: TemporalLink, own: { taskQueue: string | undefined; close: () => Promise<void> }) {
    this.address = link.address;
    this.namespace = link.namespace;
    this.#link = link;
    this.#taskQueue = own.taskQueue;
    this.#close = own.close;
  }

  /**
   * Starts a migration and returns as soon as Temporal has it. Throws SPEC_INVALID with every fault, NOT_BUILT_YET,
   * NO_WORKER, MIGRATION_EXISTS, TEMPORAL_UNREACHABLE.
   */
  async start(input: SpecInput, options: StartOptions = {}): Promise<Migration> {
    const name = await startMigration(this.#link, input, {
      taskQueue: this.#taskQueue,
      requireWorker: options.requireWorker ?? true,
      onWait: options.onWait,
    });
    return this.get(name);
  }

  /** The running or latest migration of this name. Asks nothing: an unknown name shows at the first call. */
  get(name: string): Migration {
    return new Migration(this.#link, name);
  }

  /** The latest migration of each name, newest first. Temporal forgets ended ones after the namespace's retention time. */
  async list({ limit = 200 }: { limit?: number } = {}): Promise<MigrationSummary[]> {
    try {
      return await listMigrations(this.#link, limit);
    } catch (error) {
      throw translateServiceError(this.#link, error);
    }
  }

  /** Ends calls that wait, with TEMPORAL_UNREACHABLE, and closes the connection, unless it was given to `connect`. */
  async close(): Promise<void> {
    await this.#link.calls.end();
    await this.#close();
  }
}
