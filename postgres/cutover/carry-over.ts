/** All that comes before the decision, in an order in which each step may be taken back. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fence } from '../../contract/cutover.js';
import { describeChange } from '../../contract/schema-change.js';
import type { SeenDrift } from '../../contract/state.js';
import { millisecondsOf } from '../../contract/values.js';
import type { Job } from '../job.js';
import { mayReadProgress } from '../lane/origin.js';
import { createDriftWatch } from '../monitor/watch-drift.js';
import { beginHere } from '../reverse/begin-here.js';
import type { Session } from '../session.js';
import { armMarker, insertMarkers } from '../stop/marker.js';
import { findSequences } from '../stop/set-sequences.js';
import { bringAlong, prove } from './bring-along.js';
import { closeDatabase, readSettings } from './close-database.js';
import type { FormerSettings } from './close-database.js';
import { openCrew } from './crew.js';
import type { Crew, Leads } from './crew.js';
import type { CutoverAsked } from './cut-over.js';
import type { Guard } from './guard.js';
import { freshenSlots } from './freshen-slots.js';
import { findLeftBehind } from './left-behind.js';
import { lockStrongly, lockWeakly, readFenced } from './lock-tables.js';
import type { CutoverLog } from './log.js';
import { markCatalogs } from './mark-catalogs.js';
import { describeOther, endOthers } from './other-sessions.js';
import { flushLog } from './peek-slot.js';
import { awaitStopped } from './stop-lanes.js';
import type { TraceRow } from './trace.js';

export interface Carrying {
  leads: Leads;
  trace: TraceRow;
  log: CutoverLog;
  guard: Guard;
  /** All sessions that are opened. */
  crew: Session[];
}

/** What is known and open when the pause begins. */
export interface Ready {
  kind: Fence;
  crew: Crew;
  former: FormerSettings;
  tables: string[];
  sequences: string[];
  readsProgress: boolean;
  /** Throws when the schema is no longer the one that was dumped. */
  requireNoDrift: () => Promise<void>;
  /** False when the catalogs are not what they were at the last comparison. */
  isAsMarked: () => Promise<boolean>;
}

/** Returns the session that keeps the tables locked, if any does. Throws whatever is against the decision. */
export async function carryOver(
  job: Job,
  asked: CutoverAsked,
  carrying: Carrying,
): Promise<{ fence?: Session }> {
  const bound = { ...job, signal: carrying.guard.signal };
  const ready = await prepare(bound, asked, carrying);
  const { kind, crew } = ready;
  const { leads, log } = carrying;
  const until = await pauseClients(bound, asked, carrying);
  asked.onStep('the fence');
  await fenceOff(bound, { ...carrying, ready, until });
  await stopLanes(bound, asked, { ...carrying, ready });
  if (kind === 'external') await close(bound, carrying, ready);
  await flushLog(leads.source);
  const rest = () => bringAlong(asked, { ...carrying, ready });
  // Behind a lock nothing more can commit: it is proved while the others are ended.
  const carry = () => (kind === 'lock' ? close(bound, carrying, ready, rest) : rest());
  await Promise.all([prove(bound, asked.marker, { readers: crew.readers, log }), carry()]);
  return kind === 'lock' && ready.tables.length > 0 ? { fence: crew.fence } : {};
}

/** Nobody waits yet: all that is slow, and whatever can be looked at before. */
async function prepare(job: Job, asked: CutoverAsked, carrying: Carrying): Promise<Ready> {
  const { leads, trace, log, guard, crew: opened } = carrying;
  const { source, target } = leads;
  const { marker, reverse } = asked;
  const { denyLogin, fence: kind } = job.spec.cutover;
  asked.onStep('prepares the fence');
  const crew = await openCrew(job, leads, marker.lanes, guard.signal);
  opened.push(crew.fence, crew.referee, ...crew.readers.values());
  const former = await readSettings(source, { denyLogin, keepsRole: reverse.length > 0 });
  if (!former.closes && kind !== 'external')
    throw new Error(
      `${source.endpoint.user} does not own database ${source.endpoint.database} of the source`,
    );
  const tables = kind === 'lock' ? await readFenced(target, job.owner) : [];
  const sequences = await findSequences(source, target, job.owner);
  const readsProgress = await mayReadProgress(target);
  for (const warning of await findLeftBehind(job, source, target)) log.warn(warning);
  // What lies behind the slots is not read once more inside the fence.
  await beginHere(target, reverse);
  await freshenSlots(source, job, { lanes: marker.lanes, signal: guard.signal });
  await trace.begin(source, former);
  await armMarker(job, marker);
  const mark = await markCatalogs(source);
  const drift = createDriftWatch(job, marker.lanes, source, target);
  const requireNoDrift = async () => {
    const { drift: seen, driftUnknown } = await drift(true);
    if (seen)
      throw new Error(
        `the schema of the source is no longer the one that was dumped: ${describeDrift(seen)}`,
      );
    if (driftUnknown !== undefined) throw new Error(`the schema could not be compared: ${driftUnknown}`);
  };
  if (kind === 'lock') await lockWeakly(crew.fence, tables);
  await requireNoDrift();
  const isAsMarked = async () => (await markCatalogs(source)) === mark;
  return { kind, crew, former, tables, sequences, readsProgress, requireNoDrift, isAsMarked };
}

function describeDrift({ changes, total }: SeenDrift): string {
  const told = changes.slice(0, 3).map(describeChange);
  return `${told.join(', ')}${total > told.length ? ` and ${String(total - told.length)} more` : ''}`;
}

/** With hooks the clients wait from here on. Returns until when everything must be done. */
async function pauseClients(job: Job, asked: CutoverAsked, { log, guard }: Carrying): Promise<number> {
  const span = millisecondsOf(asked.maxPause) ?? DEFAULT_PAUSE_MS;
  log.begin();
  guard.endAfter(span, `the writers would have waited longer than ${asked.maxPause}`);
  const until = Date.now() + span;
  if (job.spec.cutover.hooks.length === 0) return until;
  asked.onStep('pauses the clients');
  const results = await asked.hooks('before', guard.signal);
  log.report.hooks.push(...results);
  const failed = results.find(({ ok }) => !ok);
  if (failed) throw new Error(`hook ${String(failed.n)} (${failed.kind}) failed: ${failed.text}`);
  log.step('pause-clients');
  return until;
}

/** Of a message that does not say. */
const DEFAULT_PAUSE_MS = 5_000;

type Fenced = Carrying & { ready: Ready };

async function fenceOff(
  job: Job,
  { log, ready, until, ...carrying }: Fenced & { until: number },
): Promise<void> {
  const { kind, crew, tables } = ready;
  if (kind === 'lock') {
    const { tries } = await lockStrongly({
      fence: crew.fence,
      referee: crew.referee,
      tables,
      until,
      onCancelled: (count) => {
        log.report.cancelled += count;
      },
    });
    if (tries > 1)
      log.warn(`the fence was had in try ${String(tries)}: in each one before, writers waited in vain`);
  }
  if (kind === 'read-only') await close(job, { log, ...carrying }, ready);
  log.step('fence');
}

/** From here on whoever logs in can only read, and nobody is left who could write. */
async function close(
  job: Job,
  { leads: { source }, log, guard }: Carrying,
  { former }: Ready,
  meanwhile = () => Promise.resolve(),
): Promise<void> {
  await closeDatabase(source, former);
  log.step('read-only');
  const { ended, left } = await endOthers(source, job, {
    signal: guard.signal,
    meanwhile: () => {
      log.step('sessions-ended');
      return meanwhile();
    },
  });
  log.report.ended += ended;
  if (left.length > 0 && log.report.kind !== 'external')
    throw new Error(
      `sessions of others could not be ended: ${left.slice(0, 5).map(describeOther).join('; ')}`,
    );
  if (left.length === 0) return;
  log.warn(`not ended: ${left.slice(0, 5).map(describeOther).join('; ')}`);
  log.step('sessions-ended');
}

/** Whoever wrote without a fence would do so again in this time. */
const OBSERVED_MS = 1_000;

async function stopLanes(
  job: Job,
  { marker }: CutoverAsked,
  { leads, log, guard, ready }: Fenced,
): Promise<void> {
  const { source } = leads;
  const { lsn } = await insertMarkers(job, source, { marker, passedBefore: false });
  log.report.marker = lsn;
  log.step('markers');
  const { readsProgress } = ready;
  log.report.lanes = await awaitStopped(job, leads, { marker, lsn, readsProgress, signal: guard.signal });
  log.step('stopped');
  if (ready.kind !== 'external') return;
  await delay(OBSERVED_MS, undefined, { signal: guard.signal });
  // Before a session is ended: whoever still writes goes on unharmed.
  await flushLog(source);
  await prove(job, marker, { readers: ready.crew.readers, log });
}
