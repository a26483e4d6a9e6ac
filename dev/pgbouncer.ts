import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { chown, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { QueryResultRow } from 'pg';
import type { ClusterConnection } from './cluster.js';
import { endWithProcess } from './end-with-process.js';
import { findFreePort } from './free-port.js';
import { makeOwnFolder, removeLeftFolders } from './own-folder.js';
import { commandLineOf, endProcess, sendSignal } from './process.js';
import { readTail } from './read-tail.js';
import { cachedPgBouncer, findPgBouncer } from './setup/find-pgbouncer.mjs';
import { serverUser } from './setup/server-user.mjs';
import type { ServerUser } from './setup/server-user.mjs';
import { waitUntil } from './wait-until.js';

type Address = Pick<ClusterConnection, 'host' | 'port' | 'database'>;

export interface PgBouncerOptions {
  /** By the names that clients use. */
  databases: Record<string, Address>;
  /** Of clients, with their passwords, which the servers have too. */
  users: Record<string, string>;
  /** Settings over ours. */
  settings?: Record<string, string>;
}

/** A throw-away PgBouncer on 127.0.0.1, in transaction mode unless told otherwise. It ends with this process. */
export interface PgBouncer {
  readonly port: number;
  readonly pid: number;
  /** Of its admin_users. */
  readonly admin: { user: string; password: string };
  /** The file of its databases, which it includes: `name = host=… port=… dbname=…`, a line each. */
  readonly databasesFile: string;
  /** For clients. */
  connection(user: string, database: string): ClusterConnection;
  /** A command of its console. */
  ask<Row extends QueryResultRow>(command: string): Promise<Row[]>;
  stop(): Promise<void>;
  /** Starts it again after stop: same port, same files. */
  start(): Promise<void>;
  /** Stops it and deletes its folder. */
  remove(): Promise<void>;
  logTail(lines?: number): Promise<string>;
}

// It starts in milliseconds; the machine may be busy.
const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 10_000;

export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  await removeLeftFolders('pgbouncer', endLeftProcess);
  const folder = await makeOwnFolder('pgbouncer', 'test');
  try {
    const pgbouncer = new RunningPgBouncer({
      folder,
      program: takeProgram(folder),
      port: await findFreePort(),
      users: { ...options.users, admin: randomBytes(12).toString('hex') },
    });
    await pgbouncer.writeFiles(options);
    await pgbouncer.start();
    return pgbouncer;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** It is run by a user who may not reach our cache folder, so that one is copied, with its libraries. */
function takeProgram(folder: string): string {
  const found = findPgBouncer();
  if (found === undefined) throw new Error('there is no PgBouncer: run npm run setup');
  if (found !== cachedPgBouncer()) return found;
  for (const name of readdirSync(dirname(found)))
    cpSync(join(dirname(found), name), join(folder, name), { verbatimSymlinks: true });
  return join(folder, 'pgbouncer');
}

interface Parts {
  folder: string;
  program: string;
  port: number;
  users: Record<string, string>;
}

class RunningPgBouncer implements PgBouncer {
  readonly port: number;
  readonly databasesFile: string;
  readonly #parts: Parts;
  readonly #user: ServerUser | undefined = serverUser();
  #child: ChildProcess | undefined;
  #forget: (() => void) | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.port = parts.port;
    this.databasesFile = join(parts.folder, 'databases.ini');
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('PgBouncer does not run');
    return this.#child.pid;
  }

  get admin(): { user: string; password: string } {
    return { user: 'admin', password: this.#parts.users['admin'] ?? '' };
  }

  connection(user: string, database: string): ClusterConnection {
    return { host: '127.0.0.1', port: this.port, user, password: this.#parts.users[user] ?? '', database };
  }

  async writeFiles({ databases, settings = {} }: PgBouncerOptions): Promise<void> {
    const { folder, port, users } = this.#parts;
    const lines = Object.entries({
      listen_addr: '127.0.0.1',
      listen_port: String(port),
      unix_socket_dir: '',
      auth_type: 'scram-sha-256',
      auth_file: join(folder, 'users.txt'),
      admin_users: 'admin',
      pool_mode: 'transaction',
      pidfile: join(folder, 'pid'),
      // pgbench and our clients set it.
      ignore_startup_parameters: 'extra_float_digits,options',
      ...settings,
    }).map(([name, value]) => `${name} = ${value}\n`);
    await writeFile(
      join(folder, 'pgbouncer.ini'),
      `[databases]\n%include ${this.databasesFile}\n[pgbouncer]\n${lines.join('')}`,
    );
    await writeFile(
      join(folder, 'users.txt'),
      Object.entries(users)
        .map(([name, password]) => `"${name}" "${password}"\n`)
        .join(''),
    );
    await writeFile(
      this.databasesFile,
      Object.entries(databases)
        .map(
          ([name, { host, port: at, database }]) => `${name} = host=${host} port=${at} dbname=${database}\n`,
        )
        .join(''),
    );
    for (const name of ['.', ...readdirSync(folder)])
      if (this.#user) await chown(join(folder, name), this.#user.uid, this.#user.gid);
  }

  async start(): Promise<void> {
    const { folder, program } = this.#parts;
    this.#forget ??= endWithProcess(() => this.#abandon());
    const log = await open(join(folder, 'pgbouncer.log'), 'a');
    const child = spawn(program, [join(folder, 'pgbouncer.ini')], {
      ...this.#user,
      cwd: folder,
      // Ctrl-C reaches only us, and it stops when we say so.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env['PATH'], TZ: 'UTC', LD_LIBRARY_PATH: dirname(program) },
    });
    child.once('error', () => undefined);
    child.unref();
    this.#child = child;
    await log.close();
    const answers = () =>
      this.ask('SHOW VERSION').then(
        () => true,
        () => child.exitCode !== null || child.pid === undefined,
      );
    if ((await waitUntil(answers, { deadlineMs: START_DEADLINE_MS })) && child.exitCode === null) return;
    throw new Error(`PgBouncer did not start in ${folder}:\n${await this.logTail()}`);
  }

  async ask<Row extends QueryResultRow>(command: string): Promise<Row[]> {
    const client = new Client({ ...this.connection('admin', 'pgbouncer'), connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(command)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    // At once, without waiting for clients, in every version.
    if (this.#child?.pid !== undefined) await endProcess(this.#child.pid, 'SIGQUIT', STOP_DEADLINE_MS);
    this.#child = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#parts.folder, { recursive: true, force: true });
    this.#forget?.();
    this.#forget = undefined;
  }

  logTail(lines = 40): Promise<string> {
    return readTail(join(this.#parts.folder, 'pgbouncer.log'), lines);
  }

  #abandon(): void {
    if (this.#child?.pid !== undefined) sendSignal(this.#child.pid, 'SIGKILL');
    rmSync(this.#parts.folder, { recursive: true, force: true });
  }
}

/** Of a folder whose owner was killed. */
async function endLeftProcess(folder: string): Promise<void> {
  const pid = Number.parseInt(await readFile(join(folder, 'pid'), 'utf8').catch(() => ''), 10);
  // By its command line too, as process ids are used again.
  if ((await commandLineOf(pid))?.includes(folder)) await endProcess(pid, 'SIGQUIT', STOP_DEADLINE_MS);
}
