/** Runs pg_dump or pg_restore against one end: secrets in the environment, ended with its signal. */
import { ExecaError, execa } from 'execa';
import type { Endpoint, Observer } from './endpoint.js';
import { libpqEnvironment } from './endpoint.js';
import { PgtrekError } from '../contract/errors.js';
import type { ErrorCode } from '../contract/errors.js';

/** On 14+ a backend ends within two seconds of its client, so that a killed worker leaves no statement behind. */
const LIBPQ_OPTIONS_14 = '-c client_connection_check_interval=2s -c statement_timeout=0';

export interface ToolRun {
  tool: string;
  args: string[];
  endpoint?: Endpoint;
  /** server_version_num of the endpoint. */
  version?: number;
  /** application_name: how a later attempt finds and ends this one. */
  purpose: string;
  code: ErrorCode;
  signal?: AbortSignal | undefined;
  observer?: Observer | undefined;
}

/** Resolves to what it printed. Throws `code` with the tail of its errors. */
export async function runTool(run: ToolRun): Promise<{ stdout: string; stderr: string }> {
  const { tool, args, endpoint, purpose, signal, observer } = run;
  const name = tool.split('/').at(-1) ?? tool;
  await observer?.('before', name);
  try {
    const { stdout, stderr } = await execa(tool, args, {
      env: environment(run),
      extendEnv: false,
      stdin: 'ignore',
      // A table of contents of 100,000 entries has 10 MB.
      maxBuffer: 256 * 1024 * 1024,
      ...(signal ? { cancelSignal: signal } : {}),
      // pg_restore --jobs ends its own workers on SIGTERM; give it time before SIGKILL.
      forceKillAfterDelay: 10_000,
    });
    await observer?.('after', name);
    return { stdout, stderr };
  } catch (error) {
    signal?.throwIfAborted();
    throw toolError({ error, name, purpose, code: run.code, end: endpoint?.end });
  }
}

function environment({ endpoint, version, purpose }: ToolRun): Record<string, string> {
  const { PATH, HOME, LD_LIBRARY_PATH, TMPDIR } = process.env;
  const inherited = Object.entries({ PATH, HOME, LD_LIBRARY_PATH, TMPDIR }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    ...Object.fromEntries(inherited),
    LC_ALL: 'C',
    ...(endpoint ? libpqEnvironment(endpoint, purpose) : {}),
    ...(endpoint && version !== undefined && version >= 140000 ? { PGOPTIONS: LIBPQ_OPTIONS_14 } : {}),
  };
}

interface Failure {
  error: unknown;
  name: string;
  purpose: string;
  code: ErrorCode;
  end: string | undefined;
}

function toolError({ error, name, code, end }: Failure): PgtrekError {
  const stderr = error instanceof ExecaError && typeof error.stderr === 'string' ? error.stderr : String(error);
  const tail = stderr.slice(-4000).trim();
  const lost = /connection to server .*failed|server closed the connection|terminating connection|could not connect/i;
  const login = /password authentication failed|no pg_hba.conf entry|role .* does not exist/i;
  return new PgtrekError(code, `${name} on the ${end ?? 'archive'} failed: ${tail}`, {
    retryable: lost.test(stderr) && !login.test(stderr),
    cause: error instanceof Error ? new Error(error.name) : undefined,
  });
}
