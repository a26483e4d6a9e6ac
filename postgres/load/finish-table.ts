/** Finishes a table whose indexes are built: its keys, what belongs to them, and statistics. */
import { explained } from '../classify-error.js';
import { IS_COPIED } from '../ledger/lane-tables.js';
import type { Session } from '../session.js';
import { CONSTRAINT_EXISTS, INDEX_EXISTS } from './plan-indexes.js';

const REMEDY = 'Mend the data or the definition that the message names, on the target, then retry.';

interface Finish {
  table: string;
  /** Of an index that is built by itself. */
  is_ready: boolean;
  steps: FinishStep[];
}

interface FinishStep {
  qualified: string;
  makesIndex: boolean;
  /** Null where it is there, or where the index has none. */
  constraint: string | null;
  definition: string;
  followUp: string[];
}

/** A constraint that makes its own index goes first: when it fails, nothing else has to be done again. */
const FINISH_SQL = `
  SELECT /* pgtrek: read-table-keys */ r.qualified AS table,
    coalesce(bool_and(${INDEX_EXISTS}) FILTER (WHERE i.index_sql IS NOT NULL), true) AS is_ready,
    coalesce(jsonb_agg(
      jsonb_build_object(
        'qualified', i.qualified, 'makesIndex', i.index_sql IS NULL,
        'constraint', CASE WHEN NOT ${CONSTRAINT_EXISTS} THEN i.constraint_name END,
        'definition', i.constraint_sql, 'followUp', i.follow_up_sql)
      ORDER BY i.index_sql IS NOT NULL, i.bytes DESC, i.id) FILTER (WHERE i.id IS NOT NULL), '[]') AS steps
  FROM pgtrek.relation r LEFT JOIN pgtrek.table_index i ON i.owner = r.owner AND i.relation = r.id
  WHERE r.owner = $1 AND r.id = $2 AND NOT r.is_indexed
  GROUP BY r.qualified`;

/** A table is finished once; whoever comes second at the same moment waits, and sees it. */
const LOCK_SQL = `SELECT /* pgtrek: lock-table-keys */ pg_advisory_xact_lock(hashtext('pgtrek'), hashtext($1))`;

/** What is built must not be dropped before it is recorded: a table that leaves its lane loses its indexes. */
const HOLD_SQL = `
  SELECT /* pgtrek: hold-table */ FROM pgtrek.relation WHERE owner = $1 AND id = $2 FOR UPDATE`;

const DONE_SQL = `
  UPDATE /* pgtrek: record-indexed */ pgtrek.relation SET is_indexed = true WHERE owner = $1 AND id = $2`;

/**
 * When the last of a table's indexes is built: its keys, replica identity and the like in one transaction with is_indexed,
 * which so proves all of them. Not before: ADD CONSTRAINT waits for every build that runs on the table. Returns how many
 * constraints made an index of their own; nothing is done while indexes are missing. Throws INDEX_FAILED.
 */
export async function finishTable(target: Session, owner: string, id: number): Promise<number> {
  return target.transaction(async () => {
    await target.query(LOCK_SQL, [`${owner}/finish/${String(id)}`]);
    await target.query(HOLD_SQL, [owner, id]);
    const [finish] = await target.query<Finish & Record<string, unknown>>(FINISH_SQL, [owner, id]);
    if (!finish?.is_ready) return 0;
    for (const step of finish.steps) await addKey(target, finish.table, step);
    for (const { qualified, followUp } of finish.steps) await followUpOf(target, qualified, followUp);
    await target.query(DONE_SQL, [owner, id]);
    return finish.steps.filter(({ makesIndex, constraint }) => makesIndex && constraint !== null).length;
  });
}

async function addKey(
  target: Session,
  table: string,
  { qualified, constraint, definition }: FinishStep,
): Promise<void> {
  if (constraint === null) return;
  const doing = `build constraint ${constraint} of ${table}`;
  await explained({ code: 'INDEX_FAILED', doing, object: qualified, remedy: REMEDY }, () =>
    target.query(
      `ALTER /* pgtrek: add-key */ TABLE ONLY ${table} ADD CONSTRAINT ${constraint} ${definition}`,
    ),
  );
}

async function followUpOf(target: Session, qualified: string, statements: string[]): Promise<void> {
  const doing = `finish index ${qualified}`;
  await explained({ code: 'INDEX_FAILED', doing, object: qualified, remedy: REMEDY }, async () => {
    for (const statement of statements) await target.query(statement);
  });
}

/** Locks those that nobody else has; until this session ends. */
const TAKE_SQL = `
  SELECT /* pgtrek: take-statistics */ t.id FROM unnest($2::int[]) AS t (id)
  WHERE pg_try_advisory_lock(hashtext('pgtrek'), hashtext($1 || '/statistics/' || t.id))`;

/**
 * Tables that have indexes and rows; a dump brings the rows of all tables at once, and of a split table every part must be
 * in.
 */
const DUE_SQL = `
  SELECT /* pgtrek: plan-statistics */ r.id, r.qualified, c.relhassubclass AS has_children
  FROM pgtrek.relation r JOIN pg_class c ON c.oid = to_regclass(r.qualified)
  WHERE r.owner = $1 AND r.id = ANY ($2::int[]) AND r.is_indexed AND NOT r.is_analyzed
    AND (
      NOT r.has_data
      OR EXISTS (
        SELECT FROM pgtrek.lane l
        WHERE l.owner = r.owner AND l.status = 'copied' AND l.lane = r.lane)
      OR ${IS_COPIED})
  ORDER BY r.id`;

const ANALYZED_SQL = `
  UPDATE /* pgtrek: record-analyzed */ pgtrek.relation SET is_analyzed = true
  WHERE owner = $1 AND id = ANY ($2::int[])`;

/**
 * VACUUM (ANALYZE) of the tables that are indexed and have all their rows, each by whoever comes first. What inherits from a
 * table gets its rows at some other time: the statistics over both are gathered at the end.
 */
export async function gatherStatistics(target: Session, owner: string, tables: number[]): Promise<void> {
  const taken = await target.query<{ id: number }>(TAKE_SQL, [owner, tables]);
  const due = await target.query<{ id: number; qualified: string; has_children: boolean }>(DUE_SQL, [
    owner,
    taken.map(({ id }) => id),
  ]);
  if (due.length === 0) return;
  // From 18 on a table stands for its children too.
  const only = target.version >= 180000 ? 'ONLY ' : '';
  const list = due.map(({ qualified }) => `${only}${qualified}`).join(', ');
  const label = due[0]?.qualified ?? '';
  await explained({ doing: `gather the statistics of ${label}`, object: label }, () =>
    target.query(`VACUUM /* pgtrek: vacuum */ (ANALYZE) ${list}`),
  );
  const complete = due.filter(({ has_children }) => !has_children).map(({ id }) => id);
  await target.query(ANALYZED_SQL, [owner, complete]);
}
