/** What `pgtrek validate --fix` has run on a server, kept there until the migration's end takes it back. */
import { ensureSchema } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';

export interface RecordedFix {
  id: string;
  /** Name of the migration: there is no run yet whose it could be. */
  migration: string;
  statements: string[];
  undo: string[];
}

// No column owner: the ledger's rows of a run are deleted by it.
const TABLE_SQL = `
  CREATE /* pgtrek: create-fixes */ TABLE IF NOT EXISTS pgtrek.fix (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration text NOT NULL,
    statements text[] NOT NULL,
    undo text[] NOT NULL,
    run_by text NOT NULL,
    run_at timestamptz NOT NULL DEFAULT now(),
    -- False: it was begun, and nobody knows how far it came.
    is_done boolean NOT NULL
  )`;

export async function createFixTable(session: Session): Promise<void> {
  await session.transaction(async () => {
    await ensureSchema(session);
    await session.query(TABLE_SQL);
  });
}

const INSERT_SQL = `
  INSERT /* pgtrek: record-fix */ INTO pgtrek.fix (migration, statements, undo, run_by, is_done)
  VALUES ($1, $2, $3, $4, $5)
  RETURNING id`;

export interface FixToRecord extends Omit<RecordedFix, 'id'> {
  /** Who runs it. */
  by: string;
  isDone: boolean;
}

export async function recordFix(
  session: Session,
  { migration, statements, undo, by, isDone }: FixToRecord,
): Promise<string> {
  const { id } = await session.one<{ id: string }>(INSERT_SQL, [migration, statements, undo, by, isDone]);
  return id;
}

export async function markFixDone(session: Session, id: string): Promise<void> {
  await session.query('UPDATE /* pgtrek: mark-fix-done */ pgtrek.fix SET is_done = true WHERE id = $1', [id]);
}

export async function forgetFix(session: Session, id: string): Promise<void> {
  await session.query('DELETE /* pgtrek: forget-fix */ FROM pgtrek.fix WHERE id = $1', [id]);
}

// By the catalog: to_regclass throws where the role may not use the schema, which may be another migration's alone.
const READABLE_SQL = `
  SELECT /* pgtrek: look-for-fixes */ FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'pgtrek' AND c.relname = 'fix'
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')`;

const FIXES_SQL = `
  SELECT /* pgtrek: read-fixes */ id, migration, statements, undo
  FROM pgtrek.fix
  WHERE $1::text IS NULL OR migration = $1
  ORDER BY id DESC`;

/** The last one first, in which order they are taken back; of one migration, or of all. */
export async function readFixes(session: Session, migration?: string): Promise<RecordedFix[]> {
  if ((await session.query(READABLE_SQL)).length === 0) return [];
  return session.query<RecordedFix & Record<string, unknown>>(FIXES_SQL, [migration ?? null]);
}

/** For people. */
export function undoByHand({ id, undo }: RecordedFix): string {
  return [...undo.map(ended), `DELETE FROM pgtrek.fix WHERE id = ${id};`].join(' ');
}

function ended(statement: string): string {
  return statement.endsWith(';') ? statement : `${statement};`;
}
