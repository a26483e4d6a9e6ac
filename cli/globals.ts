import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { connect } from '../client/index.js';
import type { ConnectOptions, Pgtrek } from '../client/index.js';

/** Options that every command has. */
export interface GlobalOptions {
  address?: string;
  namespace?: string;
  taskQueue?: string;
  json?: boolean;
}

/** Connects to Temporal, runs, and closes the connection in any case. Returns the exit code that `use` gives. */
export async function withPgtrek(command: Command, use: (pgtrek: Pgtrek) => Promise<number>): Promise<void> {
  const { address, namespace, taskQueue } = command.optsWithGlobals<GlobalOptions>();
  const options: ConnectOptions = {
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(taskQueue === undefined ? {} : { taskQueue }),
  };
  const pgtrek = await connect(options);
  try {
    process.exitCode = await use(pgtrek);
  } finally {
    await pgtrek.close();
  }
}

export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<GlobalOptions>().json === true;
}

/** Who sends a message, for the migration's events. */
export function senderName(): string {
  try {
    return `${userInfo().username} (pgtrek command)`;
  } catch {
    // A container's user may have no name.
    return 'pgtrek command';
  }
}
