import { execa } from 'execa';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { Arena } from './subject.js';

export interface ToolCall {
  file: string;
  args: string[];
  connection: ClusterConnection;
}

/** Runs pg_dump or pg_restore as a person would, with its memory counted. Throws with its errors. */
export async function runClientTool(arena: Arena, { file, args, connection }: ToolCall): Promise<void> {
  const child = execa(file, args, {
    env: environmentFor(connection),
    extendEnv: false,
    stdin: 'ignore',
    cancelSignal: arena.signal,
  });
  const forget = arena.memory.count(child.pid);
  try {
    await child;
  } finally {
    forget();
  }
}

/** Without the caller's PG* variables, which are for other servers. */
function environmentFor({ host, port, user, password, database }: ClusterConnection): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
  };
}
