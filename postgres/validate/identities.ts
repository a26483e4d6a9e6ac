/** How the rows of tables are told from each other in what is replicated. */
import type { Relation, Selection } from '../selection.js';
import type { Session } from '../session.js';

// T2: an identity is immediate, valid, unconditional and on NOT NULL columns. A generated column is not sent before 18.
const IDENTITIES_SQL = `
  SELECT /* pgtrek: validate replica identity */
    c.oid, c.relreplident AS kind,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate) AS deferrable,
    EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid) AS keyed,
    (
      SELECT format('%I', x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
      WHERE c.relreplident = 'i' AND i.indrelid = c.oid AND i.indisreplident
    ) AS chosen,
    EXISTS (
      SELECT FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND a.attgenerated <> ''
      WHERE i.indrelid = c.oid
        AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
    ) AS generated,
    CASE c.relreplident
      WHEN 'f' THEN true
      WHEN 'd' THEN EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid)
      WHEN 'i' THEN EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid)
      ELSE false
    END AS identified,
    (
      SELECT format('%I', x.relname)
      FROM pg_index i
      JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (
          SELECT FROM generate_series(0, i.indnkeyatts - 1) k
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
          WHERE NOT a.attnotnull OR a.attgenerated <> '')
      ORDER BY i.indisprimary DESC, i.indnkeyatts, x.relname
      LIMIT 1
    ) AS candidate,
    -- Whole rows are compared with =, which needs an operator class; such a type has none.
    (
      SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
      FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid = ANY ('{json,xml,point,lseg,path,box,polygon,line,circle}'::regtype[])
    ) AS incomparable
  FROM pg_class c
  WHERE c.oid = ANY ($1::oid[])`;

export interface Identity {
  oid: number;
  /** pg_class.relreplident */
  kind: string;
  deferrable: boolean;
  generated: boolean;
  identified: boolean;
  /** Has a primary key that can find rows. */
  keyed: boolean;
  /** The index that is its identity. */
  chosen: string | null;
  /** The index that could be its identity. */
  candidate: string | null;
  /** Its columns that whole rows cannot be compared by. */
  incomparable: string | null;
}

export async function readIdentities(session: Session, oids: number[]): Promise<Map<number, Identity>> {
  const rows = await session.query<Identity & Record<string, unknown>>(IDENTITIES_SQL, [oids]);
  return new Map(rows.map((row) => [row.oid, row]));
}

/** Tables that a lane replicates: partitioned ones and their leaves, as either may be named in what is sent. */
export function replicatedTables({ selected, withoutData }: Selection): Relation[] {
  return selected.filter(
    ({ oid, kind, persistence }) =>
      (kind === 'r' || kind === 'p') && persistence === 'p' && !withoutData.has(oid),
  );
}
