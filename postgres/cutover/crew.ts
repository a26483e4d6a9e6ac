/** The sessions of a cutover, all of them open before the fence is: between fence and release nothing is connected. */
import type { LaneName } from '../../contract/names.js';
import { sessionOptions } from '../job.js';
import type { Job } from '../job.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { endBackends, takeOver } from '../take-over.js';

/** application_name of all of them, by which another attempt finds and ends them; also the name of their lock. */
export const CUTOVER = 'cutover';

/** Ends with its holder whatever else an attempt does: both ends of a migration, led from the old primary. */
export interface Leads {
  /** On the old primary: holds the lock of the attempt, writes marker and trace. */
  source: Session;
  target: Session;
}

export interface Crew extends Leads {
  fence: Session;
  referee: Session;
  /** One for each lane's slot. */
  readers: Map<LaneName, Session>;
}

/** Ends an older attempt that still runs anywhere, with its fence. `signal` ends these sessions, not the job's own. */
export async function takeLead(job: Job, signal?: AbortSignal): Promise<Leads> {
  const leads = await openLeads(job, signal);
  try {
    await takeOver(leads.source, job.owner, CUTOVER);
    await endOlder(job, leads);
    return leads;
  } catch (error) {
    await closeAll([leads.source, leads.target]);
    throw error;
  }
}

export async function endOlder(job: Job, { source, target }: Leads): Promise<void> {
  await Promise.all([endBackends(job, source, CUTOVER), endBackends(job, target, CUTOVER)]);
}

export async function openLeads(job: Job, signal?: AbortSignal): Promise<Leads> {
  const [source, target] = await openAll(job, ['source', 'target'], signal);
  if (!source || !target) throw new Error('two sessions were asked for');
  await durable(source);
  return { source, target };
}

export async function openCrew(
  job: Job,
  leads: Leads,
  lanes: LaneName[],
  signal: AbortSignal,
): Promise<Crew> {
  const [fence, referee, ...readers] = await openAll(
    job,
    ['source', 'source', ...lanes.map(() => 'source' as const)],
    signal,
  );
  if (!fence || !referee) throw new Error('two sessions were asked for');
  return {
    ...leads,
    fence,
    referee,
    readers: new Map(readers.map((reader, n) => [lanes[n] as LaneName, reader])),
  };
}

async function openAll(job: Job, ends: ('source' | 'target')[], signal?: AbortSignal): Promise<Session[]> {
  const opening = await Promise.allSettled(
    ends.map((end) => openSession(job.servers[end], { ...sessionOptions(job, CUTOVER), signal })),
  );
  const failed = opening.find((opened) => opened.status === 'rejected');
  const sessions = opening.flatMap((opened) => (opened.status === 'fulfilled' ? [opened.value] : []));
  if (!failed) return sessions;
  await closeAll(sessions);
  throw failed.reason;
}

export async function closeAll(sessions: Iterable<Session>): Promise<void> {
  await Promise.all([...sessions].map((session) => session.close()));
}

/** What it notes must outlast a crash, whatever the server's default is; a stricter one stays. */
async function durable(source: Session): Promise<void> {
  await source.query(
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`,
  );
}
