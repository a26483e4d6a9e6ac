/** All that comes after the decision: it is never taken back, and repeated until it is done. */
import type { CutOver } from '../../contract/activities.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { messageOf } from '../classify-error.js';
import { closeDatabase, openClosed } from './close-database.js';
import { closeAll, endOlder } from './crew.js';
import type { Leads } from './crew.js';
import type { CutoverAsked } from './cut-over.js';
import { keepFence, releaseFence } from './lock-tables.js';
import { CutoverLog } from './log.js';
import { describeOther, endOthers, endWaiting } from './other-sessions.js';
import { flushLog, peekSlot } from './peek-slot.js';
import type { TraceRow } from './trace.js';
import { persist } from './undo.js';

interface Decided {
  trace: TraceRow;
  log: CutoverLog;
  /** The session that keeps the tables locked, while it does. */
  fence?: Session;
  opened: boolean;
}

/** In the process that has decided: the fence stays until the end, whatever becomes of the other sessions. */
export async function completeHere(
  job: Job,
  asked: CutoverAsked,
  { leads, ...facts }: { leads: Leads; trace: TraceRow; log: CutoverLog; fence?: Session },
): Promise<CutOver> {
  const decided: Decided = { ...facts, opened: false };
  // A server that drops it would let nobody write: the others are ended already.
  if (decided.fence) await keepFence(decided.fence).catch(() => undefined);
  return finish(job, asked, { leads, decided }).catch(async () => {
    await closeAll([leads.source, leads.target]);
    return persist(job, (fresh) => finish(job, asked, { leads: fresh, decided }));
  });
}

/** After an attempt that ended between its decision and its end. Whoever has come since is ended once more. */
export function completeFormer(job: Job, asked: CutoverAsked, trace: TraceRow): Promise<CutOver> {
  asked.onStep('completes what was decided');
  return persist(job, async (leads) => {
    await endOlder(job, leads);
    const found = await trace.read(leads.source);
    if (!found?.report) throw new Error('a decision without its report');
    const { report, sequences = 0, former, opened = false } = found;
    const log = new CutoverLog(report.kind, { report, sequences });
    log.step('decided');
    await closeDatabase(leads.source, former);
    const { ended, left } = await endOthers(leads.source, job);
    log.report.ended += ended;
    if (left.length > 0) log.warn(`not ended: ${left.slice(0, 5).map(describeOther).join('; ')}`);
    return finish(job, asked, { leads, decided: { trace, log, opened } });
  });
}

async function finish(
  job: Job,
  asked: CutoverAsked,
  { leads, decided }: { leads: Leads; decided: Decided },
): Promise<CutOver> {
  const { trace, log } = decided;
  if (!decided.opened) await open(job, asked, { leads, decided });
  await trace.noteOpened(leads.source, log);
  await release(job, leads, decided);
  log.step('released');
  await lookAgain(job, asked, { source: leads.source, log });
  return { outcome: 'done', sequences: log.sequences, fence: log.report };
}

async function open(
  job: Job,
  asked: CutoverAsked,
  { leads, decided }: { leads: Leads; decided: Decided },
): Promise<void> {
  const { log } = decided;
  asked.onStep('opens the target');
  log.step('opening');
  // After a rollback it was closed by the cutover before; who is connected there could not write.
  if (await openClosed(leads.target, job.spec.cutover.denyLogin)) await endOthers(leads.target, job);
  const results = await asked.hooks('open', new AbortController().signal);
  log.report.hooks.push(...results);
  for (const { ok, n, kind, text } of results)
    if (!ok) log.warn(`hook ${String(n)} (${kind}) failed to open the target: ${text}`);
  decided.opened = true;
  log.step('open');
  log.endPause();
}

/** Last: who waits for the fence would commit on the old primary the moment that it is gone. */
async function release(job: Job, { source }: Leads, decided: Decided): Promise<void> {
  const { fence, log } = decided;
  if (!fence) return;
  log.report.ended += await endWaiting(source, job, fence.pid);
  // A connection that is lost has released it.
  await releaseFence(fence).catch(() => undefined);
  delete decided.fence;
}

/** Whoever had found a way past read-only would be seen now; nothing can be taken back any more. */
async function lookAgain(
  job: Job,
  { marker }: CutoverAsked,
  { source, log }: { source: Session; log: CutoverLog },
): Promise<void> {
  try {
    await flushLog(source);
    let after = 0;
    for (const lane of marker.lanes) after += (await peekSlot(source, job, lane, marker)).after;
    log.report.transactionsAfterMarker = after;
    if (after > 0)
      log.warn(
        `${String(after)} transactions committed on the old primary after the marker, in sessions that ask for READ WRITE: they are not on the target`,
      );
  } catch (error) {
    log.warn(`the slots could not be looked at once more: ${messageOf(error)}`);
  }
}
