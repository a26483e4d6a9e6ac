/** Objects of the source whose definition the target's major does not know: each of them would end the restore. */
import type { Finding } from '../../contract/findings.js';
import type { OnBoth } from './check.js';
import { capFindings } from './check.js';
import { FEATURES } from './features.js';
import type { Feature } from './features.js';
import { majorOf } from './servers.js';

interface Found {
  feature: number;
  kind: string;
  name: string;
}

/** One statement for all of them; a catalog is only read in versions that have its columns. */
export async function checkUnknownFeatures({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  const to = majorOf(target);
  const keepsPrivileges = spec.schema.privileges === 'keep';
  const unknown = FEATURES.filter(
    (feature) => isUnknown(feature, majorOf(source), to) && (keepsPrivileges || feature.privilege !== true),
  );
  if (unknown.length === 0) return [];
  const parts = unknown.map(
    ({ sql }, index) => `SELECT ${index} AS feature, f.kind, f.name FROM (${sql}) AS f (kind, name)`,
  );
  const oids = selection.selected.map(({ oid }) => oid);
  const rows = await source.query<Found & Record<string, unknown>>(
    `WITH selected AS MATERIALIZED (SELECT unnest($1::oid[]) AS oid)
     SELECT /* pgtrek: validate unknown features */ feature, kind, name
     FROM (${parts.join(' UNION ALL ')}) AS found
     ORDER BY feature, name`,
    [oids],
  );
  return capFindings(rows.flatMap((row) => tell(row, unknown[row.feature], to)));
}

function isUnknown({ since, gone }: Feature, from: number, to: number): boolean {
  if (since !== undefined) return from >= since && to < since;
  return gone !== undefined && from < gone && to >= gone;
}

function tell({ kind, name }: Found, feature: Feature | undefined, major: number): Finding[] {
  if (!feature) return [];
  const { what, since, gone, instead } = feature;
  const when =
    since === undefined ? `PostgreSQL ${gone ?? ''} has no longer` : `PostgreSQL has only since ${since}`;
  return [
    {
      id: 'target.unknown_features',
      scope: `source.${kind} ${name}`,
      verdict: 'block',
      why: `${name} of the source uses ${what}, which ${when}; the target is ${major}.`,
      remedy: `${instead} Or leave it out (select.exclude), or use a target of ${since === undefined ? `before ${gone ?? ''}` : `${since} or later`}.`,
    },
  ];
}
