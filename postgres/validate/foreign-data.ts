/** Foreign tables, and the user mappings that they need. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';

const ID = 'source.foreign_tables';

const MAPPINGS_SQL = `
  SELECT /* pgtrek: validate user mappings */ quote_ident(srvname) AS server, usename::text AS role,
    umuser <> 0 AS "isRole", umoptions IS NULL AS "isBare"
  FROM pg_user_mappings
  ORDER BY 1, 2`;

interface Mapping {
  server: string;
  role: string;
  /** Not of PUBLIC. */
  isRole: boolean;
  /** Options are seen by the server's owner, by the role itself and by superusers; or there are none. */
  isBare: boolean;
}

const ROLES_SQL = `
  SELECT /* pgtrek: validate mapped roles */ rolname::text AS role FROM pg_roles WHERE rolname = ANY ($1::text[])`;

/** Foreign servers and user mappings come with every selection. */
export async function checkForeignTables({ source, target, selection }: OnBoth): Promise<Finding[]> {
  const tables = selection.selected.filter(({ kind }) => kind === 'f').map(({ qualified }) => qualified);
  const mappings = await source.query<Mapping & Record<string, unknown>>(MAPPINGS_SQL);
  const roles = [...new Set(mappings.filter(({ isRole }) => isRole).map(({ role }) => role))];
  const there = roles.length === 0 ? [] : await target.query<{ role: string }>(ROLES_SQL, [roles]);
  const missing = roles.filter((role) => !there.some((found) => found.role === role));
  return [
    ...tellTables(tables),
    ...tellBare(mappings.filter(({ isBare }) => isBare)),
    ...capFindings(missing.map(tellMissing)),
  ];
}

function tellTables(tables: string[]): Finding[] {
  if (tables.length === 0) return [];
  return [
    {
      id: ID,
      scope: 'source',
      verdict: 'warn',
      why: `Of ${tables.length} foreign tables the definitions come along; their rows stay where they are, and the target reads them from there: ${listNames(tables)}.`,
      remedy:
        'See that the target’s server reaches the servers that they name (SELECT * FROM pg_foreign_server).',
    },
  ];
}

function tellBare(mappings: Mapping[]): Finding[] {
  if (mappings.length === 0) return [];
  const named = mappings.map(({ server, role }) => `${role} at ${server}`);
  return [
    {
      id: ID,
      scope: 'source.user_mappings',
      verdict: 'warn',
      why: `User mappings come along without their options, as they have none or the source's role may not see them: ${listNames(named)}.`,
      remedy: mappings
        .slice(0, 20)
        .map(
          ({ server, role, isRole }) =>
            `ALTER USER MAPPING FOR ${isRole ? escapeIdentifier(role) : 'PUBLIC'} SERVER ${server} OPTIONS (ADD password '…');`,
        )
        .join(' '),
    },
  ];
}

function tellMissing(role: string): Finding {
  return {
    id: ID,
    scope: `target.role ${role}`,
    verdict: 'block',
    why: `The target has no role ${role}, for which the source has a user mapping: it cannot be restored.`,
    remedy: `CREATE ROLE ${escapeIdentifier(role)};`,
    fix: { on: 'target', statements: [`CREATE ROLE ${escapeIdentifier(role)};`] },
  };
}
