/** Tablespaces belong to a server: what lies in one comes to the target's default. */
import type { Finding } from '../../contract/state.js';
import type { OnSource } from './check.js';
import { listNames } from './check.js';

const TABLESPACES_SQL = `
  SELECT /* pgtrek: validate tablespaces */ quote_ident(s.spcname) AS tablespace,
    array_agg(format('%I.%I', n.nspname, c.relname) ORDER BY 1) AS names
  FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_tablespace s ON s.oid = c.reltablespace
  WHERE c.oid = ANY ($1::oid[])
    OR c.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = ANY ($1::oid[]))
  GROUP BY 1
  ORDER BY 1`;

export async function checkTablespaces({ source, selection }: OnSource): Promise<Finding[]> {
  const rows = await source.query<{ tablespace: string; names: string[] }>(TABLESPACES_SQL, [
    selection.selected.map(({ oid }) => oid),
  ]);
  return rows.map(({ tablespace, names }) => ({
    id: 'source.tablespaces',
    scope: `source.tablespace ${tablespace}`,
    verdict: 'warn',
    why: `${names.length} tables and indexes lie in tablespace ${tablespace}, and come to the default tablespace of the target's database: ${listNames(names)}.`,
    remedy: `ALTER DATABASE … SET TABLESPACE …; -- on the target before the start, for all of them; or move them after it: ALTER TABLE … SET TABLESPACE …;`,
  }));
}
