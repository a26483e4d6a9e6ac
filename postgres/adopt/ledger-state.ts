/** What the ledger says that the target has: relations and entries of the schema as it was dumped. */
import type { PlannedEntry } from '../ledger/schema-plan.js';
import type { Session } from '../session.js';

export interface KnownRelation {
  id: number;
  oid: number;
  qualified: string;
  kind: string;
  /** Ledger id of the partitioned table at the top; its own otherwise. */
  root: number;
  lane: string | null;
  /** Where its rows lay on the source when its lane was made; null: not known. */
  heap: number | null;
}

export interface KnownEntry {
  kind: string;
  /** `<oid of the catalog>/<oid>` on the source; 0/0 for comments, privileges, attachments. */
  object: string;
  /** What follows the kind. */
  rest: string;
  type: string | null;
  identity: string | null;
}

export interface LedgerState {
  relations: KnownRelation[];
  entries: KnownEntry[];
  archive: Buffer;
}

const RELATIONS_SQL = `
  SELECT /* pgtrek: read-known-relations */ r.id, r.oid, r.qualified, r.kind, r.root, r.lane, f.heap
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.filenode f ON f.owner = r.owner AND f.lane = r.lane AND f.relation = r.id
  WHERE r.owner = $1 ORDER BY r.id`;

const ENTRIES_SQL = `
  SELECT /* pgtrek: read-known-entries */ kind, object_type AS type, identity,
    regexp_replace(line, '^\\d+; (\\d+) (\\d+) .*$', '\\1/\\2') AS object,
    substr(line, strpos(line, kind) + length(kind) + 1) AS rest
  FROM pgtrek.entry WHERE owner = $1 AND left_out IS NULL ORDER BY position`;

const ARCHIVE_SQL = `SELECT /* pgtrek: read-archive */ content FROM pgtrek.archive WHERE owner = $1`;

/** Undefined where this migration has restored no schema: mode cdc takes the target as it is. */
export async function readLedgerState(target: Session, owner: string): Promise<LedgerState | undefined> {
  const [archive] = await target.query<{ content: Buffer }>(ARCHIVE_SQL, [owner]);
  if (!archive) return undefined;
  return {
    archive: archive.content,
    relations: await target.query<KnownRelation & Record<string, unknown>>(RELATIONS_SQL, [owner]),
    entries: await target.query<KnownEntry & Record<string, unknown>>(ENTRIES_SQL, [owner]),
  };
}

export function objectOf({ classId, objectId }: Pick<PlannedEntry, 'classId' | 'objectId'>): string {
  return `${String(classId)}/${String(objectId)}`;
}
