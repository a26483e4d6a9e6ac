/** Brings changes of the source's schema over to the target, by catalog. */
import type { Adoption } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { SchemaChange } from '../../contract/schema-change.js';
import { sqlState } from '../classify-error.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { Job } from '../job.js';
import { withEnds } from '../job.js';
import { upgradeLedger } from '../ledger/create-ledger.js';
import { refuseWayBack } from '../reverse/way-back.js';
import { toolsOfArchive } from '../schema/restore-section.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { addColumn, alterColumn } from './alter-columns.js';
import { enumSteps } from './alter-types.js';
import { applyWork } from './apply-work.js';
import { leavePublications } from './leave-publications.js';
import { readLedgerState } from './ledger-state.js';
import { findReshaped } from './load-again.js';
import type { Reshaped } from './load-again.js';
import { splitLast } from './names.js';
import { planWork } from './plan-steps.js';
import { readChanges } from './read-changes.js';
import type { SourceChanges } from './read-changes.js';
import { isLoosened, waitsForLanes } from './safety.js';
import { runSteps } from './steps.js';
import type { Step } from './steps.js';

export interface Adopt {
  lanes: LaneName[];
  /** The lanes have stopped, at a marker or at a change that they cannot apply. */
  standing: boolean;
}

/**
 * While the lanes run, all that has changed or, where something must wait for them to stand, only what their changes need to
 * be applied: that is found again by the call that brings the rest. All of the target's changes and the ledger's are one
 * transaction, so that a second attempt finds all or nothing of them. Afterwards indexes, keys and the entries of post-data
 * that are missing are built, and materialised views refreshed, as after a load. Throws CONSENT_NEEDED for objects of others
 * that would go, and what the target says to a statement; SCHEMA_CHANGED, retryable, while the source is being changed.
 */
export async function adoptChanges(job: Job, { lanes, standing }: Adopt): Promise<Adoption> {
  return withEnds(job, 'adopt', async (source, target) => {
    await takeOver(target, job.owner, 'adopt');
    await upgradeLedger(target);
    const ledger = await readLedgerState(target, job.owner);
    if (!ledger) throw notRestored();
    await refuseWayBack(target, job.owner);
    const changes = await readChanges(job, lanes, source, target);
    if (!changes) return { adopted: [], left: [], tables: await readLoose(target, job.owner) };
    const reshaped = await findReshaped(target, ledger, changes);
    const waiting = standing
      ? []
      : changes.told.filter((each) => waitsForLanes(each, changes, reshaped.anew));
    await limitLocks(target);
    await runSteps(target, enumSteps(changes));
    if (waiting.length > 0) return bringAhead(target, { changes, reshaped, waiting });
    await leavePublications(source, lanes, reshaped.anew);
    const { pgRestore } = await toolsOfArchive(job, target);
    const work = planWork(ledger, changes, reshaped);
    await applyWork(job, target, { pgRestore, work, ledger, changes, anew: reshaped.anew });
    return {
      adopted: changes.told.map(({ change }) => change),
      left: [],
      tables: await readLoose(target, job.owner),
    };
  });
}

/** Behind a long reader it gives up and is tried again: apply and everybody else would wait behind it. */
async function limitLocks(target: Session): Promise<void> {
  await target.query(`SELECT /* pgtrek: limit-locks */ set_config('lock_timeout', '5s', false)`);
}

interface Ahead {
  changes: SourceChanges;
  reshaped: Reshaped;
  waiting: SourceChanges['told'];
}

/** New columns and looser ones, of tables that are not loaded again; the ledger does not know them yet. */
async function bringAhead(target: Session, { changes, reshaped, waiting }: Ahead): Promise<Adoption> {
  const done: SchemaChange[] = [];
  for (const { change, item } of changes.told) {
    if (change.kind === 'enum-value-added') done.push(change);
    if (item?.kind !== 'column' || reshaped.anew.has(item.rel)) continue;
    const steps = stepsAhead(item, changes);
    if (steps.length === 0 || !(await tryAhead(target, steps))) continue;
    if (!waiting.some((each) => each.change === change)) done.push(change);
  }
  return {
    adopted: done,
    left: changes.told.map(({ change }) => change).filter((change) => !done.includes(change)),
    tables: [],
  };
}

function stepsAhead(item: SchemaItem, changes: SourceChanges): Step[] {
  const facts = changes.columns.get(item.id);
  const { outer } = splitLast(item.name);
  if (!facts) return [];
  const pair = changes.matches.pairs.find(({ after }) => after.id === item.id);
  if (!pair) return changes.matches.fresh.some(({ id }) => id === item.id) ? [addColumn(outer, facts)] : [];
  if (!isLoosened(pair.before, pair.after, changes) || pair.before.name !== pair.after.name) return [];
  return alterColumn(outer, pair.before, facts);
}

/** Undefined table, column, type and schema; wrong type: it needs what waits. */
const NEEDS_MORE = new Set(['42P01', '42703', '42704', '3F000', '42883', '2BP01', '0A000']);

async function tryAhead(target: Session, steps: Step[]): Promise<boolean> {
  try {
    await runSteps(target, steps);
    return true;
  } catch (error) {
    const cause = (error as Error).cause;
    if (error instanceof PgtrekError && NEEDS_MORE.has(sqlState(cause) ?? '')) return false;
    throw error;
  }
}

const LOOSE_SQL = `
  SELECT /* pgtrek: read-loose-tables */ qualified FROM pgtrek.relation
  WHERE owner = $1 AND lane IS NULL AND kind IN ('r', 'p') AND root = id AND has_data ORDER BY id`;

async function readLoose(target: Session, owner: string): Promise<string[]> {
  const rows = await target.query<{ qualified: string }>(LOOSE_SQL, [owner]);
  return rows.map(({ qualified }) => qualified);
}

function notRestored(): PgtrekError {
  return new PgtrekError(
    'SCHEMA_CHANGED',
    'The schema of the source has changed, and this migration did not make the target’s: it cannot bring the change over.',
    { remedy: 'Make the same change on the target, then begin the migration again.' },
  );
}
