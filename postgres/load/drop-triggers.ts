/** Takes from tables that are loaded once more what would act on their rows: they were loaded first without it. */
import { PgtrekError } from '../../contract/errors.js';
import { explained } from '../classify-error.js';
import type { Session } from '../session.js';

/** A partition's copy of a trigger goes with that of its partitioned table. */
const TRIGGERS_SQL = `
  SELECT /* pgtrek: list-triggers */ r.qualified AS table, quote_ident(t.tgname) AS name,
    e.position IS NOT NULL AS is_ours, t.tgenabled <> 'D' AS is_enabled
  FROM pgtrek.relation r
    JOIN pg_trigger t ON t.tgrelid = to_regclass(r.qualified) AND NOT t.tgisinternal AND t.tgparentid = 0
    CROSS JOIN LATERAL pg_identify_object('pg_trigger'::regclass, t.oid, 0) AS i
    LEFT JOIN pgtrek.entry e ON e.owner = r.owner AND e.section = 'post-data' AND e.left_out IS NULL
      AND e.object_type = i.type AND e.identity = i.identity
  WHERE r.owner = $1 AND r.id = ANY ($2::int[])
  ORDER BY r.id, t.tgname`;

interface Trigger {
  table: string;
  name: string;
  is_ours: boolean;
  is_enabled: boolean;
}

/** COPY refuses a table whose rows it would have to look at one by one. */
const GUARDED_SQL = `
  SELECT /* pgtrek: list-guarded */ r.qualified AS table FROM pgtrek.relation r
  WHERE r.owner = $1 AND r.id = ANY ($2::int[]) AND r.kind IN ('r', 'p')
    AND row_security_active(to_regclass(r.qualified)) ORDER BY r.id`;

/**
 * Triggers and row security that the restore of post-data has made, and makes again; in one transaction, before the tables
 * are emptied, as TRUNCATE fires triggers too. Throws COPY_FAILED for a trigger that somebody else made.
 */
export async function dropTriggers(target: Session, owner: string, tables: number[]): Promise<void> {
  const triggers = await target.query<Trigger & Record<string, unknown>>(TRIGGERS_SQL, [owner, tables]);
  const foreign = triggers.find(({ is_ours, is_enabled }) => is_enabled && !is_ours);
  if (foreign) throw foreignTrigger(foreign);
  await explained({ doing: 'drop the triggers of tables that are loaded again' }, () =>
    target.transaction(async () => {
      // Everybody else would wait behind a DROP that waits.
      await target.query(`SET LOCAL lock_timeout = '10s'`);
      for (const { table, name } of triggers.filter(({ is_ours }) => is_ours))
        await target.query(`DROP /* pgtrek: drop-trigger */ TRIGGER IF EXISTS ${name} ON ${table}`);
      const guarded = await target.query<{ table: string }>(GUARDED_SQL, [owner, tables]);
      for (const { table } of guarded)
        await target.query(
          `ALTER /* pgtrek: disable-row-security */ TABLE ${table} DISABLE ROW LEVEL SECURITY`,
        );
    }),
  );
}

function foreignTrigger({ table, name }: Trigger): PgtrekError {
  return new PgtrekError(
    'COPY_FAILED',
    `${table} of the target has trigger ${name}, which this migration did not make: it would fire for every row that is loaded again.`,
    {
      object: table,
      remedy: `On the target: ALTER TABLE ${table} DISABLE TRIGGER ${name}; then retry, and enable it when the load is done.`,
    },
  );
}
