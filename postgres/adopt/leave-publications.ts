/** Takes tables that are loaded again out of their lanes on the source. */
import { escapeIdentifier } from 'pg';
import type { LaneName } from '../../contract/names.js';
import { explained } from '../classify-error.js';
import type { Session } from '../session.js';

const LISTED_SQL = `
  SELECT /* pgtrek: find-listed */ p.pubname AS publication,
    string_agg(format('%s%I.%I', CASE c.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname), ', ') AS list
  FROM pg_publication_rel r
    JOIN pg_publication p ON p.oid = r.prpubid
    JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE p.pubname = ANY ($1::text[]) AND r.prrelid = ANY ($2::oid[])
  GROUP BY p.pubname`;

/**
 * Before the target has new tables of these names: what the lanes send of them from here on ends there, and what they still
 * hold is ignored, as the new tables belong to no subscription.
 */
export async function leavePublications(
  source: Session,
  lanes: LaneName[],
  tables: Set<number>,
): Promise<void> {
  if (tables.size === 0) return;
  const listed = await source.query<{ publication: string; list: string }>(LISTED_SQL, [lanes, [...tables]]);
  for (const { publication, list } of listed) {
    const statement = `ALTER PUBLICATION ${escapeIdentifier(publication)} DROP TABLE ${list}`;
    const remedy = `As its owner, on the source: ${statement}; then retry.`;
    await explained({ doing: `take tables out of ${publication}`, object: publication, remedy }, () =>
      source.transaction(async () => {
        // Each table is locked for a moment; behind a long ALTER this must give up, or writers wait behind it.
        await source.query(`SET LOCAL lock_timeout = '5s'`);
        await source.query(statement.replace('ALTER', 'ALTER /* pgtrek: leave-publication */'));
      }),
    );
  }
}
