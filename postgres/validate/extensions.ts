/** Extensions of the source: CREATE EXTENSION must work on the target. */
import type { Finding } from '../../contract/state.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';

const INSTALLED_SQL = `
  SELECT /* pgtrek: validate installed extensions */
    e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname <> 'plpgsql'
  ORDER BY 1`;

const AVAILABLE_SQL = `
  SELECT /* pgtrek: validate available extensions */ name::text, default_version AS version
  FROM pg_available_extensions WHERE name = ANY ($1::text[])`;

export async function checkExtensions({ source, target }: OnBoth): Promise<Finding[]> {
  const installed = await source.query<Record<'name' | 'version' | 'schema', string>>(INSTALLED_SQL);
  const rows = await target.query<Record<'name' | 'version', string>>(AVAILABLE_SQL, [
    installed.map(({ name }) => name),
  ]);
  const available = new Map(rows.map(({ name, version }) => [name, version]));
  const findings = installed.flatMap(({ name, version, schema }): Finding[] => {
    const finding = { id: 'target.extensions', scope: `target.extension ${name}` };
    const there = available.get(name);
    if (there === undefined) {
      const why = `Extension ${name} ${version} (schema ${schema}) of the source is not available on the target.`;
      const remedy = `Install its package on the target server (on RDS: see its list of extensions), or DROP EXTENSION "${name}" on the source when nothing uses it.`;
      return [{ ...finding, verdict: 'block', why, remedy }];
    }
    if (there === version) return [];
    const why = `Extension ${name} is ${version} on the source, and the target installs ${there}.`;
    return [
      {
        ...finding,
        verdict: 'warn',
        why,
        remedy: `ALTER EXTENSION "${name}" UPDATE; -- on the older side, or test with ${there}`,
      },
    ];
  });
  if (findings.length > 0) return capFindings(findings);
  const names = installed.map(({ name }) => name);
  const why =
    names.length === 0
      ? 'The source has no extensions.'
      : `The target has the extensions ${listNames(names)}.`;
  return [{ id: 'target.extensions', scope: 'target', verdict: 'ok', why }];
}
