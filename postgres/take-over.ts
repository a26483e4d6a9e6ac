/** One attempt at a time: a new attempt of a step ends what an older one left running, here or on another host. */
import type { Job } from './job.js';
import { purposeOf } from './purpose.js';
import type { Session } from './session.js';
import { PgtrekError } from '../contract/errors.js';
import { waitUntil } from './wait-until.js';

const TRY_LOCK_SQL = `
  SELECT /* pgtrek: take-over */ pg_try_advisory_lock(hashtext('pgtrek'), hashtext($1)) AS locked`;

/** The lock's numbers are stored as oid: two's complement of hashtext's result. */
const END_HOLDER_SQL = `
  SELECT pg_terminate_backend(l.pid)
  FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid::bigint = hashtext('pgtrek')::bigint & 4294967295
    AND l.objid::bigint = hashtext($1)::bigint & 4294967295`;

/**
 * Takes the session-level advisory lock of a step (owner and step name) and ends its former holder. An older attempt
 * may still run in this very process; its statements then fail, and its result counts no more.
 */
export async function takeOver(session: Session, owner: string, step: string): Promise<void> {
  const key = `${owner}/${step}`;
  const taken = await waitUntil({ seconds: 30 }, async () => {
    const locked = await tryLock(session, key);
    if (!locked) await session.query(END_HOLDER_SQL, [key]);
    return locked;
  });
  if (!taken) {
    throw new PgtrekError(
      'SUPERSEDED',
      `Another attempt of ${step} cannot be ended on the ${session.endpoint.end}.`,
      {
        retryable: true,
      },
    );
  }
}

async function tryLock(session: Session, key: string): Promise<boolean> {
  return (await session.one<{ locked: boolean }>(TRY_LOCK_SQL, [key])).locked;
}

/** A session of the same attempt that is just ending may hold it still. */
const RETAKE_SECONDS = 5;

/** Takes the same lock anew for an attempt that had it, and ends nobody. Throws SUPERSEDED when another attempt has it by now. */
export async function retake(session: Session, owner: string, step: string): Promise<void> {
  const key = `${owner}/${step}`;
  if (await waitUntil({ seconds: RETAKE_SECONDS }, () => tryLock(session, key))) return;
  throw new PgtrekError('SUPERSEDED', `Another attempt of ${step} has taken over.`, { retryable: true });
}

const END_BACKENDS_SQL = `
  SELECT /* pgtrek: end-backends */ pg_terminate_backend(pid)
  FROM pg_stat_activity
  WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()`;

/** Ends the sessions of an older attempt's child process, known by their application_name. */
export async function endBackends(job: Job, session: Session, step: string): Promise<void> {
  const purpose = purposeOf(job.name, job.owner, step);
  const ended = await waitUntil(
    { seconds: 30 },
    async () => (await session.query(END_BACKENDS_SQL, [purpose])).length === 0,
  );
  if (ended) return;
  throw new PgtrekError(
    'SUPERSEDED',
    `Sessions of an older ${step} cannot be ended on the ${session.endpoint.end}.`,
    {
      retryable: true,
    },
  );
}
