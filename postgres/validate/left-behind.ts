/** What does not follow by itself: rows of materialised views, jobs, rows of extensions. */
import type { Finding } from '../../contract/state.js';
import { sqlState } from '../classify-error.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';

export function checkMaterializedViews({ selection }: OnSource): Finding[] {
  const names = selection.selected.filter(({ kind }) => kind === 'm').map(({ qualified }) => qualified);
  if (names.length === 0) return [];
  return [
    {
      id: 'source.materialized_views',
      scope: 'source',
      verdict: 'warn',
      why: `Materialised views are not replicated, and hold on the target what they held when they were last refreshed there: ${listNames(names)}.`,
      remedy: `${names
        .slice(0, 20)
        .map((name) => `REFRESH MATERIALIZED VIEW ${name};`)
        .join(' ')} -- on the target, after the cutover`,
    },
  ];
}

// pg_cron keeps the jobs of all databases in one of them; a role without BYPASSRLS sees its own alone.
const CRON_SQL = `
  SELECT /* pgtrek: validate cron */ to_regclass('cron.job') IS NOT NULL AS here,
    current_setting('cron.database_name', true) AS elsewhere, current_database()::text AS database`;

const JOBS_SQL = `
  SELECT /* pgtrek: validate cron jobs */ count(*)::int AS jobs FROM cron.job WHERE database = current_database()`;

const CRON_REMEDY =
  "SELECT format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L, %L);', coalesce(jobname, 'job ' || jobid), schedule, command, database, username, active) FROM cron.job WHERE database = current_database(); -- on the source gives what makes them on the target, after the cutover";

export async function checkCronJobs({ source, spec }: OnSource): Promise<Finding[]> {
  const { here, elsewhere, database } = await source.one<{
    here: boolean;
    elsewhere: string | null;
    database: string;
  }>(CRON_SQL);
  const finding = { id: 'source.cron_jobs', scope: 'source', verdict: 'warn' } as const;
  if (here)
    return tellJobs(await countJobs(source), spec.mode === 'full-load' && spec.load.method === 'dump');
  if (elsewhere === null || elsewhere === '' || elsewhere === database) return [];
  return [
    {
      ...finding,
      why: `Jobs of pg_cron are kept in database ${elsewhere} of the source, where those of ${database} cannot be seen from here; they do not come along.`,
      remedy: `In database ${elsewhere}: SELECT * FROM cron.job WHERE database = '${database}';`,
    },
  ];
}

/** Undefined where the role sees its own alone, or none. */
async function countJobs(source: Session): Promise<number | undefined> {
  try {
    return (await source.one<{ jobs: number }>(JOBS_SQL)).jobs;
  } catch (error) {
    // insufficient_privilege: our sessions have row_security = off.
    if (sqlState(error) === '42501') return undefined;
    throw error;
  }
}

function tellJobs(jobs: number | undefined, areDumped: boolean): Finding[] {
  const finding = { id: 'source.cron_jobs', scope: 'source', verdict: 'warn' } as const;
  if (jobs === 0) return [];
  const many =
    jobs === undefined
      ? 'The source has pg_cron, whose jobs its role may not see'
      : `The source has ${String(jobs)} jobs of pg_cron`;
  if (areDumped)
    return [
      {
        ...finding,
        why: `${many}: load.method dump brings them along as rows of the extension, and they run on the target at once.`,
        remedy: `SELECT cron.unschedule(jobid) FROM cron.job; -- on the target, until it is in use`,
      },
    ];
  return [{ ...finding, why: `${many}: they do not come along.`, remedy: CRON_REMEDY }];
}

const TABLES_SQL = `
  SELECT /* pgtrek: validate extension tables */ e.extname::text AS extension, format('%I.%I', n.nspname, c.relname) AS table,
    e.extcondition[t.n] AS condition, has_table_privilege(c.oid, 'SELECT') AS readable
  FROM pg_extension e
    CROSS JOIN LATERAL unnest(e.extconfig) WITH ORDINALITY AS t (oid, n)
    JOIN pg_class c ON c.oid = t.oid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid IS DISTINCT FROM to_regclass('cron.job')
  ORDER BY 1, 2`;

interface ExtensionTable {
  extension: string;
  table: string;
  /** Empty, or from WHERE on: the rows that are not the extension's own. */
  condition: string;
  readable: boolean;
}

/** CREATE EXTENSION makes them with the extension's own rows. pg_dump brings the others, and stream does not. */
export async function checkExtensionTables({ source, spec }: OnSource): Promise<Finding[]> {
  if (spec.load.method === 'dump') return [];
  const tables = await source.query<ExtensionTable & Record<string, unknown>>(TABLES_SQL);
  const readable = tables.filter(({ readable }) => readable);
  const filled = await filterFilled(source, readable);
  return capFindings([
    ...filled.map(tellTable),
    ...tables.filter(({ readable }) => !readable).map(tellUnreadable),
  ]);
}

async function filterFilled(source: Session, tables: ExtensionTable[]): Promise<ExtensionTable[]> {
  if (tables.length === 0) return [];
  const parts = tables.map(
    ({ table, condition }, i) =>
      `SELECT ${String(i)} AS position WHERE EXISTS (SELECT FROM ${table} ${condition}\n)`,
  );
  const rows = await source.query<{ position: number }>(
    `SELECT /* pgtrek: validate extension rows */ position FROM (${parts.join(' UNION ALL ')}) AS filled`,
  );
  const positions = new Set(rows.map(({ position }) => position));
  return tables.filter((_, i) => positions.has(i));
}

function tellTable({ extension, table, condition }: ExtensionTable): Finding {
  const query = `SELECT * FROM ${table}${condition === '' ? '' : ` ${condition}`}`;
  return {
    id: 'source.extension_tables',
    scope: `source.table ${table}`,
    verdict: 'warn',
    why: `Table ${table} of extension ${extension} has rows that the extension did not make itself: they are neither loaded nor replicated.`,
    remedy: `COPY (${query}) TO STDOUT; -- on the source, and what it gives on the target: COPY ${table} FROM STDIN;`,
  };
}

function tellUnreadable({ extension, table }: ExtensionTable): Finding {
  return {
    id: 'source.extension_tables',
    scope: `source.table ${table}`,
    verdict: 'warn',
    why: `Table ${table} of extension ${extension} may have rows that are neither loaded nor replicated; the source's role may not read it.`,
    remedy: `SELECT * FROM ${table}; -- on the source, by a role that may, and bring over what the target needs`,
  };
}
