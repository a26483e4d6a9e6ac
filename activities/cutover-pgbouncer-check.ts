/** What validate finds of a PgBouncer that a cutover is to pause. */
import type { CutoverHook } from '../contract/spec.js';
import type { Finding } from '../contract/state.js';
import { millisecondsOf } from '../contract/values.js';
import { messageOf } from '../postgres/classify-error.js';
import { withConsole } from '../postgres/pgbouncer.js';
import type { PgBouncerConsole } from '../postgres/pgbouncer.js';

type PgBouncerHook = Extract<CutoverHook, { pgbouncer: unknown }>['pgbouncer'];

/** Logs in to its console and looks; changes nothing. */
export async function checkPgBouncer(
  {
    host,
    port,
    user,
    password,
    tls,
    database,
    timeout,
  }: Omit<PgBouncerHook, 'password'> & {
    password: string | undefined;
  },
  scope: string,
): Promise<Finding> {
  const id = 'cutover.pgbouncer';
  try {
    return await withConsole(
      {
        endpoint: { host, port, user, password, tls },
        timeoutMs: millisecondsOf(timeout) ?? 0,
        signal: new AbortController().signal,
      },
      async (console) => ({ id, scope, ...(await lookAt(console, { database, user })) }),
    );
  } catch (error) {
    const remedy = `Make its console reachable for the worker, and ${user} one of its admin_users.`;
    return { id, scope, verdict: 'block', why: messageOf(error), remedy };
  }
}

async function lookAt(
  console: PgBouncerConsole,
  { database, user }: { database: string; user: string },
): Promise<Pick<Finding, 'verdict' | 'why' | 'remedy'>> {
  await console.proveAdmin();
  const version = await console.version();
  const found = await console.database(database);
  if (!found)
    return {
      verdict: 'block',
      why: `${version} has no database ${database}`,
      remedy: `Name it in its [databases], as its clients do; * alone cannot be pointed elsewhere for sure.`,
    };
  const { host, port, poolMode } = found;
  const where = `${version} takes ${user} as an administrator; ${database} points at ${host}:${port}`;
  if (poolMode !== 'session') return { verdict: 'ok', why: `${where}, with ${poolMode} pooling` };
  return {
    verdict: 'warn',
    why: `${where}, with session pooling: PAUSE waits until each of its clients has left, and a cutover is undone where they stay`,
    remedy: 'Use transaction pooling, or see to it that clients disconnect often.',
  };
}
