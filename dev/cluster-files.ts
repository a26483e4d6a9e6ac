import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { madeOnce } from './made-once.js';
import type { ServerUser } from './setup/server-user.mjs';

const run = promisify(execFile);

const DEFAULT_SETTINGS: Record<string, string> = {
  wal_level: 'logical',
  max_replication_slots: '20',
  max_wal_senders: '20',
  max_logical_replication_workers: '10',
  max_worker_processes: '24',
  max_connections: '100',
  shared_buffers: '128MB',
  // Throw-away data: only a crash of the operating system could harm it.
  fsync: 'off',
  full_page_writes: 'off',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  log_line_prefix: '%m [%p] %q%u@%d/%a ',
  timezone: 'UTC',
};

interface ClusterFiles {
  native: string;
  folder: string;
  user: ServerUser | undefined;
  port: number;
  settings: Record<string, string>;
}

/**
 * Fills `folder` with a data folder that listens on 127.0.0.1 and asks for a password. Returns the password of user
 * postgres.
 */
export async function initCluster(files: ClusterFiles): Promise<string> {
  const { native, folder, user, port } = files;
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const password = await fillDataFolder({ native, folder, user });
  await appendFile(
    join(folder, 'data', 'postgresql.conf'),
    settingsText({ folder, port, settings: files.settings }),
  );
  return password;
}

type DataFolder = Pick<ClusterFiles, 'native' | 'folder' | 'user'>;

/** Clusters of one process differ in their system identifiers, as servers do. */
const MAX_TEMPLATES = 3;
const taken = new Map<string, number>();

/** PGTREK_CLUSTER_TEMPLATES is a folder of data folders to copy: initdb takes a second of CPU, a copy a tenth. */
async function fillDataFolder({ native, folder, user }: DataFolder): Promise<string> {
  const templates = process.env['PGTREK_CLUSTER_TEMPLATES'];
  const number = taken.get(native) ?? 0;
  taken.set(native, number + 1);
  if (templates === undefined || number >= MAX_TEMPLATES) return makeDataFolder({ native, folder, user });
  const key = createHash('sha256').update(native).digest('hex').slice(0, 12);
  const template = join(templates, `cluster-${key}-${number}`);
  await madeOnce(template, async (draft) => {
    await mkdir(draft, { mode: 0o700 });
    if (user !== undefined) await chown(draft, user.uid, user.gid);
    const password = await makeDataFolder({ native, folder: draft, user });
    await writeFile(join(draft, 'password'), password, { mode: 0o600 });
  });
  await run('cp', ['-a', join(template, 'data'), join(folder, 'data')]);
  return readFile(join(template, 'password'), 'utf8');
}

async function makeDataFolder({ native, folder, user }: DataFolder): Promise<string> {
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) await chown(passwordFile, user.uid, user.gid);
  await runInitdb({ native, folder, user, dataDir: join(folder, 'data'), passwordFile });
  await rm(passwordFile);
  return password;
}

async function runInitdb(paths: {
  native: string;
  folder: string;
  user: ServerUser | undefined;
  dataDir: string;
  passwordFile: string;
}): Promise<void> {
  const args = ['--pgdata', paths.dataDir, '--username', 'postgres', '--pwfile', paths.passwordFile];
  args.push('--encoding', 'UTF8', '--locale', 'C', '--no-sync');
  args.push('--auth-host', 'scram-sha-256', '--auth-local', 'scram-sha-256');
  try {
    await run(join(paths.native, 'bin', 'initdb'), args, {
      ...paths.user,
      cwd: paths.folder,
      env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' },
    });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`initdb failed in ${paths.folder}: ${stderr ?? String(error)}`, { cause: error });
  }
}

function settingsText(own: { folder: string; port: number; settings: Record<string, string> }): string {
  const settings: Record<string, string> = {
    ...DEFAULT_SETTINGS,
    ...own.settings,
    listen_addresses: '127.0.0.1',
    port: String(own.port),
    unix_socket_directories: own.folder,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  return `\n${lines.join('\n')}\n`;
}
