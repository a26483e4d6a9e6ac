/** Extensions of the source: CREATE EXTENSION must work on the target, for our role, with what it preloads. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';
import { judgePreload } from './preload.js';

interface Installed {
  name: string;
  version: string;
  schema: string;
}

const INSTALLED_SQL = `
  SELECT /* pgtrek: validate installed extensions */
    e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname <> 'plpgsql'
  ORDER BY 1`;

// Whether a superuser alone may make it is told version by version; before 13 there are no trusted ones.
const AVAILABLE_SQL = `
  SELECT /* pgtrek: validate available extensions */
    a.name::text,
    a.default_version AS version,
    a.installed_version AS there,
    EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = w.schema) AS "hasSchema",
    EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = a.name AND v.version = w.version) AS exact,
    coalesce((
      SELECT v.superuser AND NOT coalesce((to_jsonb(v) ->> 'trusted')::boolean, false)
      FROM pg_available_extension_versions v WHERE v.name = a.name AND v.version = a.default_version
    ), false) AS restricted
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w (name, version, schema)
  JOIN pg_available_extensions a ON a.name = w.name`;

interface Available {
  name: string;
  /** What CREATE EXTENSION makes. */
  version: string;
  /** What is installed already. */
  there: string | null;
  hasSchema: boolean;
  /** The version of the source can be had. */
  exact: boolean;
  /** Only a superuser may make it. */
  restricted: boolean;
}

export async function checkExtensions({ source, target }: OnBoth): Promise<Finding[]> {
  const installed = await source.query<Installed & Record<string, unknown>>(INSTALLED_SQL);
  const why = 'The source has no extensions.';
  if (installed.length === 0) return [{ id: 'target.extensions', scope: 'target', verdict: 'ok', why }];
  const rows = await target.query<Available & Record<string, unknown>>(AVAILABLE_SQL, [
    installed.map(({ name }) => name),
    installed.map(({ version }) => version),
    installed.map(({ schema }) => schema),
  ]);
  const available = new Map(rows.map((row) => [row.name, row]));
  return [
    ...judgeVersions(installed, available),
    ...(await judgeRights(target, installed, available)),
    ...(await judgePreload(
      source,
      target,
      installed.map(({ name }) => name),
    )),
  ];
}

function judgeVersions(installed: Installed[], available: Map<string, Available>): Finding[] {
  const findings = installed.flatMap((extension) => judgeVersion(extension, available.get(extension.name)));
  if (findings.length > 0) return capFindings(findings);
  const why = `The target has the extensions ${listNames(installed.map(({ name }) => name))}.`;
  return [{ id: 'target.extensions', scope: 'target', verdict: 'ok', why }];
}

function judgeVersion(extension: Installed, there: Available | undefined): Finding[] {
  const { name, version, schema } = extension;
  const finding = { id: 'target.extensions', scope: `target.extension ${name}` };
  if (there === undefined) {
    const why = `Extension ${name} ${version} (schema ${schema}) of the source is not available on the target.`;
    const remedy = `Install its package on the target server (on RDS: see its list of extensions), or DROP EXTENSION ${escapeIdentifier(name)} on the source when nothing uses it.`;
    return [{ ...finding, verdict: 'block', why, remedy }];
  }
  if ((there.there ?? there.version) === version) return [];
  const why =
    there.there === null
      ? `Extension ${name} is ${version} on the source, and the target installs ${there.version}.`
      : `Extension ${name} is ${version} on the source, and ${there.there} is installed on the target.`;
  return [{ ...finding, verdict: 'warn', why, ...versionRemedy(extension, there) }];
}

/** pg_restore leaves an extension alone that is there already, and so its version. */
function versionRemedy(
  { name, version, schema }: Installed,
  { version: standard, there, exact, hasSchema }: Available,
): Pick<Finding, 'remedy' | 'fix'> {
  const quoted = escapeIdentifier(name);
  if (there === null && exact) {
    const statement = `CREATE EXTENSION ${quoted} WITH SCHEMA ${escapeIdentifier(schema)} VERSION ${escapeLiteral(version)};`;
    return { remedy: statement, ...(hasSchema ? { fix: { on: 'target', statements: [statement] } } : {}) };
  }
  return {
    remedy: `ALTER EXTENSION ${quoted} UPDATE; -- on the older side, or test with ${there ?? standard}`,
  };
}

// On RDS its own superuser may make all that the server offers.
const MAKER_SQL = `
  SELECT /* pgtrek: validate extension rights */
    rolsuper OR EXISTS (
      SELECT FROM pg_roles g WHERE g.rolname = 'rds_superuser' AND pg_has_role(g.oid, 'USAGE')
    ) AS allowed
  FROM pg_roles WHERE rolname = current_user`;

async function judgeRights(
  target: Session,
  installed: Installed[],
  available: Map<string, Available>,
): Promise<Finding[]> {
  const restricted = installed.filter(({ name }) => {
    const there = available.get(name);
    return there?.restricted === true && there.there === null;
  });
  if (restricted.length === 0) return [];
  const { allowed } = await target.one<{ allowed: boolean }>(MAKER_SQL);
  if (allowed) return [];
  return capFindings(
    restricted.map(({ name, schema }) => ({
      id: 'target.extension_rights',
      scope: `target.extension ${name}`,
      verdict: 'block',
      why: `Extension ${name} of the source is not trusted: only a superuser makes it, and ${target.endpoint.user} of the target is none.`,
      remedy: `CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} WITH SCHEMA ${escapeIdentifier(schema)}; -- as a superuser, in database ${target.endpoint.database}`,
    })),
  );
}
