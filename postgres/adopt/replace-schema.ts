/** Puts the newly dumped schema into the ledger: tables that stay keep their ids, lanes and what is done. */
import type { Filenode } from '../lane/publication.js';
import { writeDefinitions } from '../ledger/schema-plan.js';
import type { SchemaPlan } from '../ledger/schema-plan.js';
import { CONSTRAINT_EXISTS, INDEX_EXISTS } from '../load/plan-indexes.js';
import type { Session } from '../session.js';
import type { KnownRelation } from './ledger-state.js';

export interface Replacement {
  plan: SchemaPlan;
  /** As the ledger has them. */
  relations: KnownRelation[];
  /** Oids of tables that are loaded again. */
  anew: Set<number>;
  filenodes: Map<number, Filenode>;
}

/** Inside the transaction that alters the target. */
export async function replaceSchema(target: Session, owner: string, replacement: Replacement): Promise<void> {
  const { plan, relations, anew } = replacement;
  const now = new Set(plan.relations.map(({ oid }) => oid));
  const gone = relations.filter(({ oid }) => !now.has(oid)).map(({ id }) => id);
  const again = relations.filter(({ oid }) => now.has(oid) && anew.has(oid)).map(({ id }) => id);
  for (const table of ['part', 'copied', 'filenode'])
    await target.query(`DELETE FROM pgtrek.${table} WHERE owner = $1 AND relation = ANY ($2::int[])`, [
      owner,
      [...gone, ...again],
    ]);
  await target.query('DELETE FROM pgtrek.relation WHERE owner = $1 AND id = ANY ($2::int[])', [owner, gone]);
  await target.query(RELATIONS_SQL, [owner, JSON.stringify(withIds(replacement))]);
  await target.query(RELEASE_SQL, [owner, again]);
  await joinFamilies(target, owner, replacement);
  await writeDefinitions(target, owner, plan);
  await target.query(UNFINISHED_SQL, [owner]);
}

/** New ones behind the highest. */
function withIds({ plan, relations }: Replacement): unknown[] {
  const ids = new Map(relations.map(({ oid, id }) => [oid, id]));
  let last = Math.max(0, ...relations.map(({ id }) => id));
  for (const { oid } of plan.relations) if (!ids.has(oid)) ids.set(oid, (last += 1));
  return plan.relations.map((relation) => ({
    ...relation,
    id: ids.get(relation.oid),
    root: ids.get(relation.root),
  }));
}

const RELATIONS_SQL = `
  INSERT /* pgtrek: replace-relations */ INTO pgtrek.relation
    (owner, id, oid, qualified, kind, root, is_logged, has_data, columns, is_binary, filter, bytes, pages)
  SELECT $1, r.id, r.oid, r.qualified, r.kind, r.root, r."isLogged", r."hasData", r.columns, r."isBinary", r.filter,
    r.bytes, r.pages
  FROM jsonb_to_recordset($2::jsonb) AS r (id int, oid oid, qualified text, kind text, root int, "isLogged" boolean,
    "hasData" boolean, columns text, "isBinary" boolean, filter text, bytes bigint, pages bigint)
  ON CONFLICT (owner, id) DO UPDATE SET qualified = excluded.qualified, kind = excluded.kind, root = excluded.root,
    is_logged = excluded.is_logged, has_data = excluded.has_data, columns = excluded.columns,
    is_binary = excluded.is_binary, filter = excluded.filter, bytes = excluded.bytes, pages = excluded.pages`;

const RELEASE_SQL = `
  UPDATE /* pgtrek: release-anew */ pgtrek.relation SET lane = NULL, is_indexed = false, is_analyzed = false
  WHERE owner = $1 AND id = ANY ($2::int[])`;

const JOIN_SQL = `
  WITH joined AS (
    UPDATE /* pgtrek: join-lane */ pgtrek.relation r SET lane = root.lane
    FROM pgtrek.relation root
    WHERE r.owner = $1 AND root.owner = $1 AND root.id = r.root AND r.id <> r.root AND r.lane IS NULL
      AND root.lane IS NOT NULL
    RETURNING r.id, r.oid, r.kind, r.lane, r.has_data
  ), copied AS (
    INSERT INTO pgtrek.copied (owner, lane, relation, part, rows, bytes)
    SELECT $1, lane, id, 0, 0, 0 FROM joined WHERE kind = 'r' AND has_data
  )
  INSERT INTO pgtrek.filenode (owner, lane, relation, heap, toast)
  SELECT $1, j.lane, j.id, f.heap, f.toast
  FROM joined j JOIN jsonb_to_recordset($2::jsonb) AS f (oid oid, heap oid, toast oid) USING (oid)
  WHERE j.kind = 'r'`;

/** A new partition, whose rows all come through the lane of its root, has nothing to copy. */
async function joinFamilies(target: Session, owner: string, { filenodes }: Replacement): Promise<void> {
  await target.query(JOIN_SQL, [owner, JSON.stringify([...filenodes.values()])]);
}

const UNFINISHED_SQL = `
  UPDATE /* pgtrek: forget-indexed */ pgtrek.relation r SET is_indexed = false, is_analyzed = false
  WHERE r.owner = $1 AND r.is_indexed AND EXISTS (
    SELECT FROM pgtrek.table_index i
    WHERE i.owner = r.owner AND i.relation = r.id
      AND NOT ((i.index_sql IS NULL OR ${INDEX_EXISTS}) AND (i.constraint_name IS NULL OR ${CONSTRAINT_EXISTS})))`;
