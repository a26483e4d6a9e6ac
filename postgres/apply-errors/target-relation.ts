/** What the target has for a relation of the source, and what its apply worker would say against it. */
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';
import type { Relation } from './pgoutput.js';
import type { Change } from './read-transaction.js';

export interface TargetRelation {
  /** Quoted where it must be. */
  qualified: string;
  exists: boolean;
  /** The subscription applies its changes; those of other tables it only looks at. */
  isSubscribed: boolean;
  columns: { name: string; isGenerated: boolean; isIdentity: boolean }[];
  /** Of the replica identity, or else of the primary key; none: rows are found by all their values. */
  key: string[];
}

const RELATION_SQL = `
  SELECT /* pgtrek: read-target-relation */ format('%I.%I', w.schema, w.name) AS qualified,
    c.oid IS NOT NULL AS "exists",
    EXISTS (
      SELECT FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
      WHERE s.subname = $3 AND r.srrelid = c.oid AND r.srsubstate = 'r'
        AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())) AS "isSubscribed",
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname,
        'isGenerated', a.attgenerated <> '', 'isIdentity', a.attidentity = 'a') ORDER BY a.attnum), '[]')
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]')
      FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
      WHERE i.indrelid = c.oid
        AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END) AS key
  FROM (SELECT $1::text AS schema, $2::text AS name) w
    LEFT JOIN pg_namespace n ON n.nspname = w.schema
    LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')`;

export function readTargetRelation(
  target: Session,
  lane: LaneName,
  { schema, name }: Relation,
): Promise<TargetRelation> {
  return target.one<TargetRelation & Record<string, unknown>>(RELATION_SQL, [schema, name, lane]);
}

/** In the words of the server's apply worker. */
export function objectionTo(
  { operation }: Change,
  relation: Relation,
  there: TargetRelation,
): string | undefined {
  const name = `logical replication target relation "${relation.schema}.${relation.name}"`;
  if (!there.exists) return `${name} does not exist`;
  const missing = missingColumns(relation, there).map((column) => `"${column}"`);
  if (missing.length > 0)
    return `${name} is missing replicated column${missing.length > 1 ? 's' : ''}: ${missing.join(', ')}`;
  if (operation !== 'update' && operation !== 'delete') return undefined;
  if (relation.identity === 'f') return undefined;
  if (there.key.length === 0)
    return `${name} has neither REPLICA IDENTITY index nor PRIMARY KEY column and published relation does not have REPLICA IDENTITY FULL`;
  const sent = new Set(relation.columns.filter(({ isKey }) => isKey).map((column) => column.name));
  return there.key.every((column) => sent.has(column))
    ? undefined
    : `publisher did not send replica identity column expected by the ${name}`;
}

function missingColumns(relation: Relation, there: TargetRelation): string[] {
  const written = new Set(there.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name));
  return relation.columns.map(({ name }) => name).filter((name) => !written.has(name));
}
