/** Runs pg_dump or pg_restore against one end: secrets in the environment, ended with its signal. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { ExecaError, execa } from 'execa';
import type { Endpoint } from './endpoint.js';
import { libpqEnvironment } from './endpoint.js';
import { PgtrekError } from '../contract/errors.js';
import type { ErrorCode } from '../contract/errors.js';
import type { Job } from './job.js';
import { purposeOf } from './purpose.js';

/** On 14+ a backend ends within two seconds of its client, so that a killed worker leaves no statement behind. */
const LIBPQ_OPTIONS_14 = '-c client_connection_check_interval=2s -c statement_timeout=0';

export interface ToolRun {
  tool: string;
  /** What it works on: with the tool's name, how the observer knows it. */
  what: 'schema' | 'list' | 'pre-data' | 'data' | 'post-data' | 'rehearsal';
  args: string[];
  /** Absent where only files are read. */
  endpoint?: Endpoint;
  /** server_version_num of the endpoint. */
  version?: number;
  /** The last part of its application_name: how a later attempt finds and ends it. */
  step: string;
  code: ErrorCode;
  /** Of pg_restore without --exit-on-error: what it could not restore is in stderr, for the caller to read. */
  goesOn?: true;
}

/** Resolves to what it printed. Throws `code` with the tail of its errors. */
export async function runTool(job: Job, run: ToolRun): Promise<{ stdout: string; stderr: string }> {
  const { tool, what, args, endpoint, code } = run;
  const { observer } = job.servers;
  const name = path.basename(tool);
  const tag = `${name} ${what}`;
  await observer?.('before', tag);
  try {
    const child = execa(tool, args, {
      env: await environmentOf(job, run),
      extendEnv: false,
      stdin: 'ignore',
      // A table of contents of 100,000 entries has 10 MB.
      maxBuffer: 256 * 1024 * 1024,
      ...(job.signal ? { cancelSignal: job.signal } : {}),
      // pg_restore --jobs ends its own workers on SIGTERM; give it time before SIGKILL.
      forceKillAfterDelay: 10_000,
    });
    // Told below; it must not count as unhandled while the observer looks.
    child.catch(() => undefined);
    await observer?.('after', `start ${tag}`);
    const { stdout, stderr } = await child;
    await observer?.('after', tag);
    return { stdout, stderr };
  } catch (error) {
    job.signal?.throwIfAborted();
    const ignored = run.goesOn && ignoredErrors(error);
    if (ignored !== undefined) return { stdout: '', stderr: ignored };
    throw toolError({ error, name, code, end: endpoint?.end });
  }
}

async function environmentOf(
  job: Job,
  { endpoint, version, step }: ToolRun,
): Promise<Record<string, string>> {
  const { PATH, HOME, LD_LIBRARY_PATH, TMPDIR } = process.env;
  const inherited = Object.entries({ PATH, HOME, LD_LIBRARY_PATH, TMPDIR }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    ...Object.fromEntries(inherited),
    LC_ALL: 'C',
    ...(endpoint
      ? libpqEnvironment(await withAuthorities(job, endpoint), purposeOf(job.name, job.owner, step))
      : {}),
    ...(version !== undefined && version >= 140000 ? { PGOPTIONS: LIBPQ_OPTIONS_14 } : {}),
  };
}

/** Node checks certificates against the authorities that it brings along; libpq has none unless it is given a file. */
async function withAuthorities(job: Job, endpoint: Endpoint): Promise<Endpoint> {
  const { mode, rootCert } = endpoint.tls;
  if (rootCert !== undefined || (mode !== 'verify-ca' && mode !== 'verify-full')) return endpoint;
  const file = path.join(job.dataDir, 'certificate-authorities.pem');
  await writeFile(file, rootCertificates.join('\n'));
  return { ...endpoint, tls: { mode, rootCert: file } };
}

/** What it printed when it has gone to the end in spite of them. */
function ignoredErrors(error: unknown): string | undefined {
  const { stderr } = error as { stderr?: unknown };
  if (typeof stderr !== 'string' || PASSING.test(stderr)) return undefined;
  return stderr.includes('errors ignored on restore') ? stderr : undefined;
}

interface Failure {
  error: unknown;
  name: string;
  code: ErrorCode;
  end: string | undefined;
}

/** What libpq and the server say where a later attempt may succeed; anything else is for people. */
const PASSING =
  /Connection refused|timeout expired|timed out|starting up|shutting down|in recovery mode|too many clients|remaining connection slots|closed the connection unexpectedly|terminating connection|Connection reset|could not translate host name|No route to host|Network is unreachable|lock timeout|deadlock detected/;

function toolError({ error, name, code, end }: Failure): PgtrekError {
  const stderr =
    error instanceof ExecaError && typeof error.stderr === 'string' ? error.stderr : String(error);
  return new PgtrekError(code, `${name} on the ${end ?? 'archive'} failed: ${stderr.slice(-4000).trim()}`, {
    retryable: PASSING.test(stderr),
    remedy: `Mend what the message names${end ? ` on the ${end}` : ''} (a role, an extension, a privilege), then retry.`,
    cause: error instanceof Error ? new Error(error.name) : undefined,
  });
}
