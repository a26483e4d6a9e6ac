/** Enters in the ledger which tables go by one lane: once, so that it stays as it is whatever is tried again. */
import type { Session } from '../session.js';
import { groupTables } from './group-tables.js';
import type { TableToGroup } from './group-tables.js';

const KNOWN_SQL = `
  SELECT /* pgtrek: look-for-groups */ FROM pgtrek.lane_group WHERE owner = $1 LIMIT 1`;

const TABLES_SQL = `
  SELECT /* pgtrek: read-tables-to-group */ oid, id, root, bytes::text AS bytes, is_logged AND has_data AS published
  FROM pgtrek.relation WHERE owner = $1 AND kind IN ('r', 'p') ORDER BY id`;

interface LedgerTable {
  oid: number;
  id: number;
  root: number;
  bytes: string;
  published: boolean;
}

/** Since the statistics were reset; a table that nobody has written to yet has none. */
const WRITES_SQL = `
  SELECT /* pgtrek: read-writes */ relid AS oid, (n_tup_ins + n_tup_upd + n_tup_del)::text AS writes
  FROM pg_stat_all_tables WHERE relid = ANY ($1::oid[])`;

/** Of the source: mode cdc has no keys in its ledger. */
const KEYS_SQL = `
  SELECT /* pgtrek: read-keys-to-group */ DISTINCT conrelid AS referencing, confrelid AS referenced
  FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::oid[]) AND confrelid = ANY ($1::oid[])`;

const ENTER_SQL = `
  INSERT /* pgtrek: enter-groups */ INTO pgtrek.lane_group (owner, root, n)
  SELECT $1, g.root, g.n FROM unnest($2::int[], $3::int[]) AS g (root, n)`;

/** What is entered already stays. */
export async function enterGroups(
  source: Session,
  target: Session,
  { owner, lanes }: { owner: string; lanes: number },
): Promise<void> {
  if ((await target.query(KNOWN_SQL, [owner])).length > 0) return;
  const tables = await target.query<LedgerTable & Record<string, unknown>>(TABLES_SQL, [owner]);
  const oids = tables.map(({ oid }) => oid);
  const writes = await source.query<{ oid: number; writes: string }>(WRITES_SQL, [oids]);
  const keys = await source.query<{ referencing: number; referenced: number }>(KEYS_SQL, [oids]);
  const rootOf = new Map(tables.map(({ oid, root }) => [oid, root]));
  const groups = groupTables(
    sumByRoot(tables, new Map(writes.map(({ oid, writes: rows }) => [oid, BigInt(rows)]))),
    keys.map(({ referencing, referenced }) => [rootOf.get(referencing) ?? 0, rootOf.get(referenced) ?? 0]),
    lanes,
  );
  const rows = groups.flatMap((ids, at) => ids.map((root) => ({ root, n: at + 1 })));
  await target.query(ENTER_SQL, [owner, rows.map(({ root }) => root), rows.map(({ n }) => n)]);
}

function sumByRoot(tables: LedgerTable[], writes: Map<number, bigint>): TableToGroup[] {
  const roots = new Map<number, TableToGroup>();
  for (const { oid, root, bytes, published } of tables) {
    const sum = roots.get(root) ?? { id: root, writes: 0n, bytes: 0n, isPublished: false };
    sum.writes += writes.get(oid) ?? 0n;
    sum.bytes += BigInt(bytes);
    sum.isPublished ||= published;
    roots.set(root, sum);
  }
  return [...roots.values()].sort((a, b) => a.id - b.id);
}
