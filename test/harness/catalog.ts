/** What stands in the catalogs of both databases: equal before and after whatever changes nothing. */
import type { ClientConfig } from 'pg';
import { query } from './world.js';
import type { Databases } from './world.js';

const CATALOG_SQL = `
  SELECT 'relation' AS kind, n.nspname || '.' || c.relname AS name,
      concat_ws(' ', c.relkind, c.relreplident, c.relpersistence, c.reloptions, c.relacl) AS facts
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL SELECT 'schema', nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT 'publication', pubname, '' FROM pg_publication
  UNION ALL SELECT 'slot', slot_name, plugin FROM pg_replication_slots WHERE database = current_database()
  UNION ALL SELECT 'subscription', subname, '' FROM pg_subscription s
    WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL SELECT 'routine', oid::regprocedure::text, '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT 'role', rolname, concat_ws(' ', rolsuper, rolreplication, rolcanlogin, rolconfig) FROM pg_roles
  UNION ALL SELECT 'setting', d.datname, s.setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = current_database()
  ORDER BY 1, 2`;

export interface Catalogs {
  source: string[];
  target: string[];
}

export async function readCatalogs({ source, target }: Databases): Promise<Catalogs> {
  const [onSource, onTarget] = await Promise.all([readCatalog(source), readCatalog(target)]);
  return { source: onSource, target: onTarget };
}

async function readCatalog(config: ClientConfig): Promise<string[]> {
  const rows = await query<{ kind: string; name: string; facts: string | null }>(config, CATALOG_SQL);
  return rows.map(({ kind, name, facts }) => `${kind} ${name}: ${facts ?? ''}`);
}
