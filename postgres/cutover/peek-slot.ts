/** The proof that nothing went past the fence: what the lane's own slot would send after the marker. */
import type { MarkerPlan } from '../../contract/activities.js';
import type { LaneName, Lsn } from '../../contract/names.js';
import type { Job } from '../job.js';
import { journalTable } from '../lane/journal.js';
import { publicationOf, slotOf } from '../lane/lane-names.js';
import type { Session } from '../session.js';

/**
 * Messages of pgoutput by their letters: 73 I, 85 U, 68 D, 84 T, 67 C. A row of the marker is written once, so that its xmin is
 * the transaction that committed it; the slot never confirms past it. The journal's own rows are no changes of the application.
 */
function peekSql(lane: LaneName): string {
  const relation = [1, 2, 3, 4].map(
    (n) => `(get_byte(data, ${String(n)})::bigint << ${String(8 * (4 - n))})`,
  );
  return `
    WITH sent AS MATERIALIZED (
      SELECT lsn, xid, get_byte(data, 0) AS letter,
        CASE WHEN get_byte(data, 0) IN (73, 85, 68) THEN ${relation.join(' + ')} END AS relation
      FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', $2)
    ), marker AS (
      SELECT s.lsn FROM sent s JOIN ${journalTable(lane)} j ON j.xmin = s.xid
      WHERE j.id = $3 AND s.letter = 67
    )
    SELECT /* pgtrek: peek-slot */ (SELECT lsn FROM marker)::text AS marker, count(DISTINCT c.xid::text)::int AS after
    FROM sent c
    WHERE c.letter IN (73, 85, 68, 84) AND c.relation IS DISTINCT FROM $4::regclass::oid::bigint
      AND c.xid IN (
        SELECT s.xid FROM sent s
        WHERE s.letter = 67 AND s.lsn > coalesce((SELECT lsn FROM marker), '0/0'))`;
}

export interface Peeked {
  /** End of the marker's commit, if the slot has not confirmed it yet. */
  marker: Lsn | null;
  /** Transactions with changes of the lane's tables that committed after the marker. */
  after: number;
}

/** Reads from the lane's slot, which nobody else does meanwhile, and leaves it where it is. Commits that are not on disk are not seen. */
export function peekSlot(source: Session, job: Job, lane: LaneName, marker: MarkerPlan): Promise<Peeked> {
  return source.one<Peeked & Record<string, unknown>>(peekSql(lane), [
    slotOf(job.spec, lane),
    `"${publicationOf(job.spec, lane).replaceAll('"', '""')}"`,
    marker.marker,
    journalTable(lane),
  ]);
}

/** Commits that were asynchronous are on disk afterwards, and a slot shows them. */
export async function flushLog(source: Session): Promise<void> {
  await source.query(`SELECT /* pgtrek: flush-log */ pg_logical_emit_message(true, 'pgtrek', '')`);
}
