import type { ClientConfig } from 'pg';
import { query } from './world.js';

/** Who owns the tables and sequences of schema public, and whether role reader may read one of them. */
export async function ownersAndGrants(target: ClientConfig): Promise<{ owners: unknown[]; reader: boolean }> {
  const rows = await query<{ owner: string; acl: string | null }>(
    target,
    `SELECT DISTINCT pg_get_userbyid(relowner) AS owner, string_agg(relacl::text, '') OVER () AS acl
     FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')`,
  );
  return {
    owners: rows.map(({ owner }) => owner),
    reader: rows.some(({ acl }) => acl?.includes('reader=r') ?? false),
  };
}
