/** Behind the fence, when nobody is left who could change what a lock does not keep: the rest comes along, and it is proved. */
import type { MarkerPlan } from '../../contract/activities.js';
import type { LaneName } from '../../contract/names.js';
import type { Job } from '../job.js';
import { beginHere } from '../reverse/begin-here.js';
import type { Session } from '../session.js';
import { copyValues } from '../stop/set-sequences.js';
import type { Carrying, Ready } from './carry-over.js';
import type { CutoverAsked } from './cut-over.js';
import type { CutoverLog } from './log.js';
import { peekSlot } from './peek-slot.js';
import { readPrepared } from './prepared.js';

/** Each session does its share at the same time. Throws whatever is against the decision. */
export async function bringAlong(
  asked: CutoverAsked,
  { leads: { source, target }, log, ready }: Carrying & { ready: Ready },
): Promise<void> {
  const { crew, sequences } = ready;
  const look = async () => ({ prepared: await readPrepared(source), isMarked: await ready.isAsMarked() });
  const carry = async () => {
    await copyValues(crew.referee, target, sequences);
    log.sequences = sequences.length;
    log.step('sequences');
    await beginHere(target, asked.reverse);
  };
  const [{ prepared, isMarked }] = await Promise.all([look(), carry()]);
  // Something has been made or altered since: the fingerprint tells whether it counts.
  if (!isMarked) await ready.requireNoDrift();
  if (prepared.length > 0) throw new Error(prepared.join('; '));
}

/** That no transaction with changes of ours has committed after the marker; throws when one has. The log is flushed before. */
export async function prove(
  job: Job,
  marker: MarkerPlan,
  { readers, log }: { readers: Map<LaneName, Session>; log: CutoverLog },
): Promise<void> {
  const peeked = await Promise.all([...readers].map(([lane, reader]) => peekSlot(reader, job, lane, marker)));
  const after = peeked.reduce((sum, lane) => sum + lane.after, 0);
  log.report.transactionsAfterMarker = after;
  const exact = peeked.find((lane) => lane.marker !== null)?.marker;
  if (exact) log.report.marker = exact;
  if (after > 0)
    throw new Error(
      `writers have not stopped: ${String(after)} transactions with changes committed after the marker`,
    );
  log.step('proof');
}
