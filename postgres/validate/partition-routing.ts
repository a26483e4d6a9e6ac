/** Hash partitions whose rows belong elsewhere on the target: a row is copied from a partition into that of the same name. */
import type { Finding } from '../../contract/state.js';
import type { OnBoth } from './check.js';
import { capFindings } from './check.js';

// The hash of an enum value is that of its oid; of text, that of its bytes, or of ICU's sort key.
const HASHED_SQL = `
  SELECT /* pgtrek: validate partition routing */ format('%I.%I', n.nspname, c.relname) AS table, pg_get_partkeydef(c.oid) AS key,
    EXISTS (SELECT FROM unnest(p.partclass) k JOIN pg_opclass o ON o.oid = k WHERE o.opcintype = 'anyenum'::regtype)
    OR EXISTS (
      SELECT FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid AND t.typcategory = 'A' JOIN pg_type e ON e.oid = t.typelem AND e.typtype = 'e'
      WHERE a.attrelid = c.oid AND a.attnum = ANY (p.partattrs)) AS "hasEnum",
    EXISTS (SELECT FROM unnest(p.partcollation) k WHERE k <> 0) AS "hasText",
    EXISTS (
      SELECT FROM unnest(p.partcollation) k JOIN pg_collation l ON l.oid = k
      WHERE to_jsonb(l)->>'collisdeterministic' = 'false') AS "hasSortKey"
  FROM pg_partitioned_table p
    JOIN pg_class c ON c.oid = p.partrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE p.partstrat = 'h' AND c.oid = ANY ($1::oid[])
  ORDER BY 1`;

interface Hashed {
  table: string;
  key: string;
  hasEnum: boolean;
  hasText: boolean;
  hasSortKey: boolean;
}

const ENCODING_SQL = `SELECT /* pgtrek: validate encoding */ current_setting('server_encoding') AS encoding`;

export async function checkPartitionRouting({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  // The server copies through the root.
  if (spec.load.method === 'native') return [];
  const roots = selection.selected.filter(({ kind, oid }) => kind === 'p' && !selection.withoutData.has(oid));
  if (roots.length === 0) return [];
  const hashed = await source.query<Hashed & Record<string, unknown>>(HASHED_SQL, [
    roots.map(({ oid }) => oid),
  ]);
  if (hashed.length === 0) return [];
  const [from, to] = await Promise.all(
    [source, target].map((session) => session.one<{ encoding: string }>(ENCODING_SQL)),
  );
  const otherBytes = from?.encoding !== to?.encoding;
  return capFindings(hashed.flatMap((table) => tellHashed(table, { spec, otherBytes })));
}

function tellHashed(
  { table, key, hasEnum, hasText, hasSortKey }: Hashed,
  { spec, otherBytes }: Pick<OnBoth, 'spec'> & { otherBytes: boolean },
): Finding[] {
  const finding = { id: 'source.partition_routing', scope: `source.table ${table}` };
  const other = spec.mode === 'full-load' ? 'dump' : 'native';
  // pg_dump sends the rows of such a table through its root.
  if (hasEnum && spec.load.method !== 'dump')
    return [
      {
        ...finding,
        verdict: 'block',
        why: `${table} is partitioned by ${key} of an enum, whose hash is another on every server: its rows belong to other partitions on the target than on the source, and cannot be copied from one to the other.`,
        remedy: `Use load.method: ${other}, or leave ${table} out (select.exclude).`,
      },
    ];
  if (hasText && otherBytes)
    return [
      {
        ...finding,
        verdict: 'block',
        why: `${table} is partitioned by ${key} of text, whose hash is another in the target's encoding: its rows belong to other partitions there, and cannot be copied from one to the other.`,
        remedy: `Use a target database of the source's encoding${other === 'native' ? ', or load.method: native' : ''}, or leave ${table} out (select.exclude).`,
      },
    ];
  if (!hasSortKey) return [];
  return [
    {
      ...finding,
      verdict: 'warn',
      why: `${table} is partitioned by ${key} under a collation that is not deterministic, whose hash may be another with another version of ICU: rows that belong to other partitions of the target cannot be copied.`,
      remedy: `Rehearse the load${other === 'native' ? ', or use load.method: native' : ''}.`,
    },
  ];
}
