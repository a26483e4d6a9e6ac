/** Collations whose library has changed since their indexes were built. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import type { OnSource, OnTarget } from './check.js';
import { capFindings } from './check.js';

interface Changed {
  /** NULL: the database's own. */
  name: string | null;
  recorded: string;
  actual: string;
}

// A database records it from 15 on. Of collations only those that columns and ranges use.
const changedSql = (version: number) => `
  WITH used AS MATERIALIZED (
    SELECT attcollation AS oid FROM pg_attribute WHERE attrelid >= 16384 AND attcollation NOT IN (0, 100)
    UNION SELECT rngcollation FROM pg_range WHERE rngtypid >= 16384 AND rngcollation NOT IN (0, 100)
  ), versions AS (
    SELECT format('%I.%I', n.nspname, c.collname) AS name, c.collversion AS recorded,
      pg_collation_actual_version(c.oid) AS actual
    FROM used u JOIN pg_collation c ON c.oid = u.oid JOIN pg_namespace n ON n.oid = c.collnamespace
    ${version < 150000 ? '' : DATABASE_SQL}
  )
  SELECT /* pgtrek: validate collation versions */ name, recorded, actual
  FROM versions
  WHERE recorded <> actual
  ORDER BY name NULLS FIRST`;

const DATABASE_SQL = `
    UNION ALL
    SELECT NULL, d.datcollversion, pg_database_collation_actual_version(d.oid)
    FROM pg_database d WHERE d.datname = current_database()`;

export function checkSourceCollations({ source }: OnSource): Promise<Finding[]> {
  return checkCollations(source);
}

export function checkTargetCollations({ target }: OnTarget): Promise<Finding[]> {
  return checkCollations(target);
}

async function checkCollations(session: Session): Promise<Finding[]> {
  const rows = await session.query<Changed & Record<string, unknown>>(changedSql(session.version));
  const { end, database } = session.endpoint;
  const quoted = escapeIdentifier(database);
  return capFindings(
    rows.map(({ name, recorded, actual }) => ({
      id: `${end}.collation_versions`,
      scope: name === null ? end : `${end}.collation ${name}`,
      verdict: 'warn',
      why: `${name === null ? `Database ${database}` : `Collation ${name}`} of the ${end} was made with version ${recorded} of its collation, and the server has ${actual}: indexes on text may miss rows, and what goes by them.`,
      remedy:
        name === null
          ? `REINDEX DATABASE ${quoted}; ALTER DATABASE ${quoted} REFRESH COLLATION VERSION;`
          : `REINDEX DATABASE ${quoted}; ALTER COLLATION ${name} REFRESH VERSION; -- it is enough to reindex what uses the collation`,
    })),
  );
}
