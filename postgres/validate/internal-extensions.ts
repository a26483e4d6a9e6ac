/** Extensions that keep the rows of a table elsewhere than in it: no dump, copy or publication of ours sees the whole. */
import type { Finding } from '../../contract/state.js';
import type { OnSource } from './check.js';
import { listNames } from './check.js';

const ID = 'source.internal_extensions';

/** Chunks of hypertables are tables of these schemas. */
const TIMESCALE = /^_timescaledb_/;

const CITUS_SQL = `
  SELECT /* pgtrek: validate citus */ EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS installed`;

export async function checkInternalExtensions({ source, selection, spec }: OnSource): Promise<Finding[]> {
  const chunks = selection.selected.filter(({ schema }) => TIMESCALE.test(schema));
  const { installed } = await source.one<{ installed: boolean }>(CITUS_SQL);
  const verdict = spec.mode === 'full-load' ? 'warn' : 'block';
  const finding = { id: ID, scope: 'source', verdict } as const;
  return [
    ...(chunks.length === 0
      ? []
      : [
          {
            ...finding,
            scope: 'source.extension timescaledb',
            why: `TimescaleDB keeps rows of its tables in chunks (${listNames(chunks.map(({ qualified }) => qualified))}), and what belongs together in catalogs of its own, which do not come along: the target would have chunks without their tables.`,
            remedy:
              'Leave its schemas and tables out (select.exclude: ["_timescaledb_*.*", …]), and move those as its manual says.',
          },
        ]),
    ...(installed
      ? [
          {
            ...finding,
            scope: 'source.extension citus',
            why: 'Citus keeps rows of distributed tables on other servers: their changes are not in the log of this one, and are not replicated.',
            remedy:
              'Leave distributed tables out and use mode: full-load, or move as the manual of Citus says; if nothing uses it: DROP EXTENSION citus;',
          },
        ]
      : []),
  ];
}
