import { execFile } from 'node:child_process';
import { appendFile, chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
  password: string;
  settings: Record<string, string>;
}

/** Fills `folder` with a data folder that listens on 127.0.0.1 and asks for the password. */
export async function initCluster(files: ClusterFiles): Promise<void> {
  const { native, folder, user, port, password } = files;
  const dataDir = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) {
    await chown(folder, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  await runInitdb({ native, folder, user, dataDir, passwordFile });
  await rm(passwordFile);
  await appendFile(
    join(dataDir, 'postgresql.conf'),
    settingsText({ folder, port, settings: files.settings }),
  );
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
