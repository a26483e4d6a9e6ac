/** Takes back what a fix has changed: again and again without harm, and nothing that somebody has changed or uses since. */
import { sqlState } from '../classify-error.js';
import { hasLedger } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';
import { forgetFix } from './record.js';
import type { RecordedFix } from './record.js';
import { patiently } from './run-fix.js';

/**
 * `home`: where it was run; `target`: whose tables the restore gave the replica identity of the source's. Returns what
 * stays, for people.
 */
export async function undoFix(
  { home, target }: { home: Session; target: Session | undefined },
  fix: RecordedFix,
): Promise<string[]> {
  const notes: string[] = [];
  // First: the record is what a later attempt knows it by.
  if (target && (await hasRestored(target, fix.migration)))
    await patiently(target, async () => {
      notes.push(...(await undoIdentities(target, fix)));
    });
  await patiently(home, async () => {
    notes.push(...(await undoAtHome(home, fix)));
  });
  return notes;
}

const RESTORED_SQL = `
  SELECT /* pgtrek: look-for-restored */ FROM pgtrek.migration WHERE name = $1 AND restore_begun_at IS NOT NULL`;

async function hasRestored(target: Session, migration: string): Promise<boolean> {
  return (await hasLedger(target)) && (await target.query(RESTORED_SQL, [migration])).length > 0;
}

/** Each statement alone: what was taken back before a death is taken back again, and the record goes last. */
async function undoAtHome(home: Session, fix: RecordedFix): Promise<string[]> {
  const notes = await undoStatements(home, fix);
  await forgetFix(home, fix.id);
  return notes;
}

async function undoStatements(session: Session, fix: RecordedFix): Promise<string[]> {
  const notes: string[] = [];
  for (const statement of fix.undo) {
    const identity = readIdentity(statement);
    if (identity) notes.push(...(await undoIdentity(session, { fix, statement, table: identity.table })));
    else await runTolerantly(session, statement);
  }
  return notes;
}

async function undoIdentities(target: Session, fix: RecordedFix): Promise<string[]> {
  const notes: string[] = [];
  for (const statement of fix.undo) {
    const identity = readIdentity(statement);
    if (identity) notes.push(...(await undoIdentity(target, { fix, statement, table: identity.table })));
  }
  return notes;
}

const IDENTITY = /^ALTER TABLE (?:ONLY )?(.+) REPLICA IDENTITY (DEFAULT|NOTHING|FULL|USING INDEX) ?.*$/s;
const KINDS: Record<string, string> = { DEFAULT: 'd', NOTHING: 'n', FULL: 'f', 'USING INDEX': 'i' };

function readIdentity(statement: string): { table: string; kind: string | undefined } | undefined {
  const [, table, words] = IDENTITY.exec(statement.replace(/;\s*$/, '')) ?? [];
  return table === undefined || words === undefined ? undefined : { table, kind: KINDS[words] };
}

// Whoever publishes UPDATE or DELETE of the table, or of one that it is a partition of: without an identity those would fail.
const TABLE_SQL = `
  SELECT /* pgtrek: look-at-identity */ c.relreplident AS kind, (
    SELECT p.pubname::text FROM pg_publication p
    WHERE (p.pubupdate OR p.pubdelete) AND (
      p.puballtables
      OR EXISTS (
        SELECT FROM pg_publication_rel r
        WHERE r.prpubid = p.oid
          AND (r.prrelid = c.oid OR r.prrelid IN (SELECT a.relid FROM pg_partition_ancestors(c.oid) a)))
      OR EXISTS (
        SELECT FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname
        WHERE t.pubname = p.pubname AND n.oid = c.relnamespace AND t.tablename = c.relname))
    ORDER BY 1 LIMIT 1) AS publication
  FROM pg_class c WHERE c.oid = to_regclass($1)`;

interface Undo {
  fix: RecordedFix;
  statement: string;
  table: string;
}

/** Nothing where the table is gone, or is back already. */
async function undoIdentity(session: Session, { fix, statement, table }: Undo): Promise<string[]> {
  const [found] = await session.query<{ kind: string; publication: string | null }>(TABLE_SQL, [table]);
  if (!found) return [];
  const { end } = session.endpoint;
  const given = fix.statements.map(readIdentity).find((each) => each?.table === table);
  if (given && given.kind !== found.kind) return [];
  if (found.publication !== null)
    return [
      `The replica identity of ${table} on the ${end} stays as validate --fix made it: publication ${found.publication} needs it. Later: ${statement}`,
    ];
  await runTolerantly(session, statement);
  return [];
}

/** undefined_table, undefined_object, invalid_schema_name: what it was about is gone. */
const GONE = new Set(['42P01', '42704', '3F000']);

async function runTolerantly(session: Session, statement: string): Promise<void> {
  try {
    await session.query(`/* pgtrek: undo-fix */ ${statement}`);
  } catch (error) {
    if (!GONE.has(sqlState(error) ?? '')) throw error;
  }
}
