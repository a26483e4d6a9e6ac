/** Partitions whose rows no longer lie where they lay when the lane was made. */
import type { LaneName } from '../../contract/names.js';
import type { SchemaChange } from '../../contract/schema-change.js';
import type { Session } from '../session.js';

export interface LaidPartition {
  oid: number;
  qualified: string;
  heap: number;
}

/** Leaves of the lanes, and where their rows lay before each lane's slot existed. */
const LAID_SQL = `
  SELECT /* pgtrek: read-laid-partitions */ r.oid, r.qualified, f.heap
  FROM pgtrek.filenode f JOIN pgtrek.relation r ON r.owner = f.owner AND r.id = f.relation
  WHERE f.owner = $1 AND f.lane = ANY ($2::text[]) AND r.root <> r.id AND f.heap IS NOT NULL
  ORDER BY r.id`;

export function readLaidPartitions(
  target: Session,
  owner: string,
  lanes: LaneName[],
): Promise<LaidPartition[]> {
  return target.query<LaidPartition & Record<string, unknown>>(LAID_SQL, [owner, lanes]);
}

const REWRITTEN_SQL = `
  SELECT /* pgtrek: find-rewritten-partitions */ c.oid
  FROM unnest($1::oid[], $2::oid[]) AS f (oid, heap) JOIN pg_class c ON c.oid = f.oid
  WHERE c.relispartition AND pg_relation_filenode(c.oid) <> f.heap`;

/** With a root published, TRUNCATE of a leaf is not replicated; nothing but the leaf's new place tells of it. */
export async function findRewritten(source: Session, laid: LaidPartition[]): Promise<SchemaChange[]> {
  // Before 13 a publication lists leaves, and their TRUNCATE is replicated.
  if (laid.length === 0 || source.version < 130000) return [];
  const rows = await source.query<{ oid: number }>(REWRITTEN_SQL, [
    laid.map(({ oid }) => oid),
    laid.map(({ heap }) => heap),
  ]);
  const rewritten = new Set(rows.map(({ oid }) => oid));
  return laid
    .filter(({ oid }) => rewritten.has(oid))
    .map(({ qualified }) => ({ kind: 'partition-rewritten', object: qualified }));
}
