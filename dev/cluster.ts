import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Client } from 'pg';
import { initCluster } from './cluster-files.js';
import { endWithProcess } from './end-with-process.js';
import { findFreePort } from './free-port.js';
import { makeOwnFolder, removeLeftFolders } from './own-folder.js';
import { Postmaster, endLeftPostmaster } from './postmaster.js';
import { completeEmbeddedPostgres, findEmbeddedPostgres } from './setup/embedded-postgres.mjs';
import { reachableNative, serverUser } from './setup/server-user.mjs';
import { readTail } from './read-tail.js';
import { waitUntil } from './wait-until.js';

export interface ClusterOptions {
  major: number;
  /** Server settings, over DEFAULT_SETTINGS. */
  settings?: Record<string, string>;
  /** Shows in the folder's name. */
  name?: string;
}

export interface ClusterConnection {
  host: '127.0.0.1';
  port: number;
  user: string;
  password: string;
  database: string;
}

/** A throw-away PostgreSQL cluster on 127.0.0.1. It ends with this process. */
export interface Cluster {
  readonly major: number;
  readonly port: number;
  readonly dataDir: string;
  readonly user: 'postgres';
  readonly password: string;
  /** @param database default: postgres */
  connection(database?: string): ClusterConnection;
  /** @param mode fast (default) ends sessions in order; immediate is a crash */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Starts a stopped or killed server again: same port, same data. Nothing to do when it runs. */
  start(): Promise<void>;
  /** Stops the server and deletes its folder. */
  remove(): Promise<void>;
  /** The last lines of the server's log; default: 40. */
  logTail(lines?: number): Promise<string>;
  /** The postmaster's process id. Throws when the server does not run. */
  pid(): Promise<number>;
}

// Recovery after a crash, on a busy machine with two cores, takes less.
const START_DEADLINE_MS = 60_000;

/** Majors whose embedded packages are installed here, rising. */
export function embeddedMajors(): number[] {
  return findEmbeddedPostgres().map(({ major }) => major);
}

export async function startCluster({
  major,
  settings = {},
  name = 'test',
}: ClusterOptions): Promise<Cluster> {
  await removeLeftFolders('cluster', endLeftPostmaster);
  const user = serverUser();
  const native = runnableNative(major);
  const folder = await makeOwnFolder('cluster', name);
  const port = await findFreePort();
  try {
    const password = await initCluster({ native, folder, user, port, settings });
    const cluster = new RunningCluster({
      major,
      port,
      password,
      folder,
      postmaster: new Postmaster({ native, folder, user }),
    });
    await cluster.start();
    return cluster;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function runnableNative(major: number): string {
  const embedded = findEmbeddedPostgres().find((candidate) => candidate.major === major);
  if (embedded === undefined) {
    const installed = embeddedMajors().join(', ') || 'none';
    throw new Error(
      `no embedded PostgreSQL ${major} for ${process.platform}-${process.arch} (here: ${installed})`,
    );
  }
  completeEmbeddedPostgres(embedded);
  return reachableNative(embedded, serverUser());
}

interface RunningClusterParts {
  major: number;
  port: number;
  password: string;
  folder: string;
  postmaster: Postmaster;
}

class RunningCluster implements Cluster {
  readonly user = 'postgres';
  readonly major: number;
  readonly port: number;
  readonly password: string;
  readonly dataDir: string;
  readonly #folder: string;
  readonly #postmaster: Postmaster;
  #forget: (() => void) | undefined;

  constructor({ major, port, password, folder, postmaster }: RunningClusterParts) {
    this.major = major;
    this.port = port;
    this.password = password;
    this.dataDir = postmaster.dataDir;
    this.#folder = folder;
    this.#postmaster = postmaster;
  }

  connection(database = 'postgres'): ClusterConnection {
    return { host: '127.0.0.1', port: this.port, user: this.user, password: this.password, database };
  }

  async start(): Promise<void> {
    if (await this.#postmaster.isRunning()) return;
    this.#forget ??= endWithProcess(() => this.#abandon());
    await this.#postmaster.spawn();
    const hasAnswered = await waitUntil(() => this.#answersOrFails(), { deadlineMs: START_DEADLINE_MS });
    if (hasAnswered && this.#postmaster.pid !== undefined) return;
    throw new Error(`PostgreSQL ${this.major} did not start in ${this.#folder}:\n${await this.logTail()}`);
  }

  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.#postmaster.stop(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  }

  async remove(): Promise<void> {
    await this.stop('immediate');
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    this.#forget?.();
    this.#forget = undefined;
  }

  logTail(lines = 40): Promise<string> {
    return readTail(this.#postmaster.logFile, lines);
  }

  async pid(): Promise<number> {
    const { pid } = this.#postmaster;
    if (pid === undefined || !(await this.#postmaster.isRunning())) {
      throw new Error(`the cluster in ${this.#folder} does not run`);
    }
    return pid;
  }

  async #answersOrFails(): Promise<boolean> {
    if (this.#postmaster.pid === undefined) {
      if (!(await this.#postmaster.metEndingServer())) return true;
      await this.#postmaster.spawn();
    }
    return canConnect(this.connection());
  }

  #abandon(): void {
    this.#postmaster.abandon();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function canConnect(connection: ClusterConnection): Promise<boolean> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 5_000 });
  // Without a listener, a server that ends during the connect would end this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
