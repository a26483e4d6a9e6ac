/**
 * The trace of an attempt on the old primary: one row in the journal of its first lane, by which a later attempt knows what to
 * undo or to complete. Its kind is `fence`, and `decision` from the decision on. It goes by the lane like any row, and does nothing there.
 */
import type { MarkerPlan } from '../../contract/activities.js';
import type { FenceReport } from '../../contract/cutover.js';
import { PgtrekError } from '../../contract/errors.js';
import type { Job } from '../job.js';
import { journalTable } from '../lane/journal.js';
import type { Session } from '../session.js';
import type { FormerSettings } from './close-database.js';
import type { CutoverLog } from './log.js';

export interface Trace {
  /** begun: whatever is done from here on may be taken back; undone: it is; decided: it is completed, and never taken back. */
  state: 'begun' | 'undone' | 'decided';
  /** What an undo puts back. */
  former: FormerSettings;
  /** Of a decision: what was done up to it, and whether the target has been opened since. */
  report?: FenceReport;
  sequences?: number;
  opened?: boolean;
}

export class TraceRow {
  private readonly table: string;
  private readonly id: string;

  private readonly job: Job;
  private readonly marker: MarkerPlan;

  constructor(job: Job, marker: MarkerPlan) {
    this.job = job;
    this.marker = marker;
    const [lane] = marker.lanes;
    if (!lane) throw new PgtrekError('STOP_FAILED', 'A cutover needs a lane, and there is none.');
    this.table = journalTable(lane);
    this.id = `${marker.marker}:fence`;
  }

  async read(source: Session): Promise<Trace | undefined> {
    const [row] = await source.query<{ payload: Trace }>(
      `SELECT /* pgtrek: find-trace */ payload FROM ${this.table} WHERE id = $1`,
      [this.id],
    );
    return row?.payload;
  }

  /** Before anything is changed. */
  async begin(source: Session, former: FormerSettings): Promise<void> {
    const payload: Trace = { state: 'begun', former };
    await source.query(
      `INSERT /* pgtrek: note-attempt */ INTO ${this.table} (id, kind, owner, lanes, payload, at)
       VALUES ($1, 'fence', $2, $3, $4, clock_timestamp())`,
      [this.id, this.job.owner, this.marker.lanes, JSON.stringify(payload)],
    );
  }

  /**
   * False when another attempt undoes it already. With `fence`, the backend that keeps the tables locked: false, too, when it is
   * gone, however late this process notices that.
   */
  async decide(source: Session, log: CutoverLog, fence: number | undefined): Promise<boolean> {
    const decision: Partial<Trace> = { state: 'decided', report: log.report, sequences: log.sequences };
    const rows = await source.query(
      `UPDATE /* pgtrek: decide */ ${this.table} SET kind = 'decision', payload = payload || $2::jsonb
       WHERE id = $1 AND payload->>'state' = 'begun' AND ($3::int IS NULL OR ${STILL_LOCKED})
       RETURNING id`,
      [this.id, JSON.stringify(decision), fence ?? null],
    );
    return rows.length > 0;
  }

  /** From here on no attempt changes anything on the target. */
  async noteOpened(source: Session, { report }: CutoverLog): Promise<void> {
    const opening: Partial<Trace> = { opened: true, report };
    await source.query(
      `UPDATE /* pgtrek: note-opened */ ${this.table} SET payload = payload || $2::jsonb WHERE id = $1`,
      [this.id, JSON.stringify(opening)],
    );
  }

  async noteUndone(source: Session): Promise<void> {
    await source.query(
      `UPDATE /* pgtrek: note-undone */ ${this.table} SET payload = payload || '{"state": "undone"}'
       WHERE id = $1 AND payload->>'state' = 'begun'`,
      [this.id],
    );
  }
}

const STILL_LOCKED = `EXISTS (
  SELECT FROM pg_locks l
  WHERE l.pid = $3 AND l.locktype = 'relation' AND l.mode = 'ExclusiveLock' AND l.granted)`;
