/** From the fence to its release: undone until it is decided, and completed from then on. */
import type { CutOver, MarkerPlan } from '../../contract/activities.js';
import type { HookMoment, HookResult } from '../../contract/cutover.js';
import type { LaneName } from '../../contract/names.js';
import type { Fence } from '../../contract/cutover.js';
import { messageOf } from '../classify-error.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { carryOver } from './carry-over.js';
import { completeFormer, completeHere } from './complete.js';
import { closeAll, takeLead } from './crew.js';
import type { Leads } from './crew.js';
import { Guard } from './guard.js';
import { CutoverLog } from './log.js';
import { TraceRow } from './trace.js';
import type { Trace } from './trace.js';
import { persist, undo } from './undo.js';

export interface CutoverAsked {
  marker: MarkerPlan;
  maxPause: string;
  /** Markers at which nothing stands any more. */
  retired: string[];
  /** Lanes the other way whose slots are moved on to where the target stands. */
  reverse: LaneName[];
  hooks: (moment: HookMoment, signal: AbortSignal) => Promise<HookResult[]>;
  onStep: (text: string) => void;
}

const DIED = 'a former attempt ended before the decision: its worker died, or lost the servers';

/**
 * Catalog-first: what a former attempt with this marker has decided is completed, and anything else that it left is
 * undone. Its sessions are ended first, wherever it still runs.
 */
export async function cutOver(job: Job, asked: CutoverAsked): Promise<CutOver> {
  const trace = new TraceRow(job, asked.marker);
  const leads = await takeLead(job);
  let former: Trace | undefined;
  try {
    former = await trace.read(leads.source);
  } finally {
    await closeAll([leads.source, leads.target]);
  }
  if (former?.state === 'decided') return completeFormer(job, asked, trace);
  if (former) return takeBack(job, asked, { trace, log: new CutoverLog(fenceOf(job)), reasons: [DIED] });
  return begin(job, asked, trace);
}

/** A spec that an older version completed has none. */
function fenceOf({ spec }: Job): Fence {
  return (spec.cutover as Partial<typeof spec.cutover> | undefined)?.fence ?? 'lock';
}

async function begin(job: Job, asked: CutoverAsked, trace: TraceRow): Promise<CutOver> {
  const log = new CutoverLog(fenceOf(job));
  const guard = new Guard(job.signal);
  const crew: Session[] = [];
  try {
    const fenced = await decide(job, asked, { trace, log, guard, crew }).catch((error: unknown) => ({
      failed: guard.why ?? messageOf(error),
    }));
    if (!('failed' in fenced)) return await completeHere(job, asked, { trace, log, ...fenced });
    guard.lift();
    await closeAll(crew);
    return await takeBack(job, asked, { trace, log, reasons: [fenced.failed] });
  } finally {
    guard.lift();
    await closeAll(crew);
  }
}

interface Beginning {
  trace: TraceRow;
  log: CutoverLog;
  guard: Guard;
  /** All sessions that are opened. */
  crew: Session[];
}

async function decide(
  job: Job,
  asked: CutoverAsked,
  beginning: Beginning,
): Promise<{ leads: Leads; fence?: Session }> {
  const { trace, log, guard, crew } = beginning;
  const leads = await takeLead(job, guard.signal);
  crew.push(leads.source, leads.target);
  const { fence } = await carryOver(job, asked, { leads, ...beginning });
  // From here on nothing may end the sessions: the decision is made, or it is not.
  guard.signal.throwIfAborted();
  guard.lift();
  if (!(await trace.decide(leads.source, log, fence?.pid)))
    throw new Error('the fence was lost before the decision');
  log.step('decided');
  return { leads, ...(fence ? { fence } : {}) };
}

interface TakingBack {
  trace: TraceRow;
  log: CutoverLog;
  reasons: string[];
}

async function takeBack(
  job: Job,
  asked: CutoverAsked,
  { trace, log, reasons }: TakingBack,
): Promise<CutOver> {
  asked.onStep('takes everything back');
  const undone = await persist(job, (leads) =>
    undo(job, leads, {
      marker: asked.marker,
      trace,
      hooks: asked.hooks,
      onWritersGoOn: () => log.endPause(),
    }),
  );
  // The answer to the decision may have been lost on its way.
  if (!undone) return completeFormer(job, asked, trace);
  log.report.hooks.push(...undone.hooks);
  return { outcome: 'undone', reasons, fence: log.report };
}
