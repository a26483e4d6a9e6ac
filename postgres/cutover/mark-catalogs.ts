/** Whether the schema has changed at all since a moment: far cheaper than a fingerprint, and told nothing more. */
import type { Session } from '../session.js';

const CATALOGS = [
  ...[
    'class',
    'attribute',
    'attrdef',
    'constraint',
    'index',
    'inherits',
    'sequence',
    'trigger',
    'rewrite',
    'policy',
  ],
  ...[
    'type',
    'enum',
    'range',
    'proc',
    'aggregate',
    'operator',
    'opclass',
    'opfamily',
    'cast',
    'collation',
    'conversion',
  ],
  ...[
    'namespace',
    'extension',
    'default_acl',
    'foreign_table',
    'foreign_server',
    'foreign_data_wrapper',
    'language',
  ],
  ...[
    'event_trigger',
    'statistic_ext',
    'ts_config',
    'ts_dict',
    'ts_parser',
    'ts_template',
    'transform',
    'am',
  ],
];

/** Whoever makes or alters a row leaves his number in it; whoever deletes one changes the count. */
const MARK_SQL = `
  SELECT /* pgtrek: mark-catalogs */ concat_ws(' ', ${CATALOGS.map(
    (name) => `(SELECT concat(count(*), ':', sum(xmin::text::bigint)) FROM pg_catalog.pg_${name})`,
  ).join(', ')}) AS mark`;

/** Another one is a change of the schema, or of something temporary. */
export async function markCatalogs(session: Session): Promise<string> {
  return (await session.one<{ mark: string }>(MARK_SQL)).mark;
}
