/** Takes an attempt back that has not decided: the writers go on first, and then the lanes. */
import { PgtrekError } from '../../contract/errors.js';
import type { MarkerPlan } from '../../contract/activities.js';
import type { HookMoment, HookResult } from '../../contract/cutover.js';
import { isRetryable } from '../classify-error.js';
import type { Job } from '../job.js';
import { resumeLanes } from '../lane/resume.js';
import { retake } from '../take-over.js';
import { waitUntil } from '../wait-until.js';
import { reopenDatabase } from './close-database.js';
import { closeAll, CUTOVER, endOlder, openLeads } from './crew.js';
import type { Leads } from './crew.js';
import type { TraceRow } from './trace.js';

export interface Undoing {
  marker: MarkerPlan;
  trace: TraceRow;
  hooks: (moment: HookMoment, signal: AbortSignal) => Promise<HookResult[]>;
  onWritersGoOn: () => void;
}

export interface Undone {
  hooks: HookResult[];
}

/** By whoever leads: nobody else does. Undefined when it was decided after all. Repeated, it does what is left. */
export async function undo(
  job: Job,
  leads: Leads,
  { marker, trace, hooks, onWritersGoOn }: Undoing,
): Promise<Undone | undefined> {
  // With it the fence goes, and whatever an attempt still asks of the servers.
  await endOlder(job, leads);
  const found = await trace.read(leads.source);
  if (found?.state === 'decided') return undefined;
  if (found?.state !== 'begun') return { hooks: [] };
  await reopenDatabase(leads.source, found.former);
  const results = await hooks('undo', new AbortController().signal);
  onWritersGoOn();
  await resumeLanes({ ...job, signal: undefined }, marker);
  await trace.noteUndone(leads.source);
  return { hooks: results };
}

/** So long a server that is away is waited for; then the next attempt does it. */
const PERSIST_SECONDS = 60;

/**
 * What an attempt begins must be ended, with sessions of its own: those that it had may be gone.  Throws SUPERSEDED when another attempt leads by now, which does the same.
 */
export async function persist<T>(job: Job, work: (leads: Leads) => Promise<T>): Promise<T> {
  let failure: unknown;
  let result: { value: T } | undefined;
  await waitUntil({ seconds: PERSIST_SECONDS, every: 500 }, async () => {
    let leads: Leads | undefined;
    try {
      leads = await openLeads(job);
      await retake(leads.source, job.owner, CUTOVER);
      result = { value: await work(leads) };
      return true;
    } catch (error) {
      failure = error;
      if (!isRetryable(error) || (error instanceof PgtrekError && error.code === 'SUPERSEDED')) return true;
      return false;
    } finally {
      if (leads) await closeAll([leads.source, leads.target]);
    }
  });
  if (result) return result.value;
  throw failure;
}
