/** TRUNCATE is replicated for the tables of a lane alone: the target refuses it where another table refers to one of them. */
import type { Finding } from '../../contract/state.js';
import type { OnBoth } from './check.js';
import { capFindings } from './check.js';
import { NAMED_TABLES } from '../named-tables.js';
import { tablesOf } from './partial-families.js';

// Where both ends are of the same lane, its subscription truncates them together.
const KEYS_SQL = `
  WITH replicated AS (${NAMED_TABLES})
  SELECT /* pgtrek: validate truncate links */ format('%I.%I', n.nspname, c.relname) AS dependent, quote_ident(k.conname) AS name,
    format('%I.%I', rn.nspname, rc.relname) AS "neededName", pg_get_constraintdef(k.oid) AS definition
  FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class rc ON rc.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = rc.relnamespace
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND k.confrelid IN (SELECT oid FROM replicated) AND k.conrelid NOT IN (SELECT oid FROM replicated)
    AND ($2::text[] IS NULL OR format('%I.%I', n.nspname, c.relname) = ANY ($2::text[]))
  ORDER BY 1, 2`;

interface Link {
  dependent: string;
  name: string;
  neededName: string;
  definition: string;
}

/** Keys of what is restored without its rows or its changes; in mode cdc whatever keys the target has. */
export async function checkTruncateLinks({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  const tables = tablesOf(selection.selected);
  const isReplicated = ({ oid, persistence }: (typeof tables)[number]) =>
    persistence === 'p' && !selection.withoutData.has(oid);
  const others = tables.filter((table) => !isReplicated(table)).map(({ qualified }) => qualified);
  const session = spec.mode === 'cdc' ? target : source;
  const links = await session.query<Link & Record<string, unknown>>(KEYS_SQL, [
    tables.filter(isReplicated).map(({ qualified }) => qualified),
    spec.mode === 'cdc' ? null : others,
  ]);
  return capFindings(
    links.map(({ dependent, name, neededName, definition }) => ({
      id: 'source.truncate_links',
      scope: `${session.endpoint.end}.table ${neededName}`,
      verdict: 'warn',
      why: `${dependent}, whose changes are not replicated, refers to ${neededName} by foreign key ${name}: a TRUNCATE of ${neededName} on the source cannot be applied, and stops its lane.`,
      remedy: `ALTER TABLE ${dependent} DROP CONSTRAINT ${name}; -- on the target, and after the cutover: ALTER TABLE ${dependent} ADD CONSTRAINT ${name} ${definition}; or let nobody TRUNCATE ${neededName} until then`,
    })),
  );
}
