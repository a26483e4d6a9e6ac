/** select.columns and select.rows: names that exist, conditions that can be read, and nothing that breaks the source. */
import type { Finding } from '../../contract/state.js';
import { copiesByServer, givenStart } from '../lane/lane-names.js';
import { BY_NAME } from '../named-tables.js';
import { findTables } from '../partial-tables.js';
import { rootOf } from '../selection.js';
import type { Session } from '../session.js';
import type { OnBoth, OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { nearestNames } from './nearest-names.js';
import { partialFamilies, tablesOf } from './partial-families.js';

type Field = 'columns' | 'rows';

/** Every key is one table that is selected, or the root of one. */
export function checkPartialNames(facts: OnSource): Finding[] {
  const { select } = facts.spec;
  return capFindings([
    ...Object.keys(select.columns).flatMap((key) => checkName(facts, 'columns', key)),
    ...Object.keys(select.rows).flatMap((key) => checkName(facts, 'rows', key)),
  ]);
}

function checkName({ selection, relations }: OnSource, field: Field, key: string): Finding[] {
  const block = (why: string, remedy: string): Finding[] => [
    { id: `select.${field}`, scope: `select.${field} ${key}`, verdict: 'block', why, remedy },
  ];
  const tables = tablesOf(selection.selected);
  const [found, ...others] = findTables(key, tables);
  if (!found) {
    // By their plain names, shown as they have to be written.
    const qualified = new Map(tables.map((table) => [`${table.schema}.${table.name}`, table.qualified]));
    const near = nearestNames(key, [...qualified.keys()]).map((name) => qualified.get(name) ?? name);
    return block(
      `select.${field} names ${key}, which is no selected table.${near.length === 0 ? '' : ` Near it: ${near.join(', ')}.`}`,
      'Correct the name (schema.table, in double quotes where it is not lower case), or select the table.',
    );
  }
  if (others.length > 0) {
    const names = [found, ...others].map(({ qualified }) => qualified);
    return block(
      `select.${field} names ${key}, which are several tables: ${listNames(names)}.`,
      'Name each of them.',
    );
  }
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const root = byOid.get(rootOf(found, byOid));
  if (!root || root === found) return [];
  return block(
    `select.${field} names ${found.qualified}, a partition of ${root.qualified}: a publication sends its changes as those of the root.`,
    `Name ${root.qualified} instead; what is asked of it counts for all its partitions.`,
  );
}

/** What the servers and the method of the load cannot do. */
export function checkPartialSupport({ spec, source, target }: OnBoth): Finding[] {
  const { columns, rows } = spec.select;
  if (Object.keys(columns).length + Object.keys(rows).length === 0) return [];
  const block = (why: string, remedy: string): Finding[] => [
    { id: 'select.partial', scope: 'select', verdict: 'block', why, remedy },
  ];
  const start = givenStart(spec);
  if (start)
    return block(
      `select.columns and select.rows have no say where cdc.start names a publication: ${start.publication} has lists and conditions of its own.`,
      'Remove them from the spec, and change the publication.',
    );
  if (spec.mode === 'full-load')
    return spec.load.method === 'dump'
      ? block(
          'load.method dump copies whole tables: pg_dump knows neither lists of columns nor conditions.',
          'Use load.method: stream.',
        )
      : [];
  if (source.version < 150000)
    return block(
      `The ${source.endpoint.end} runs PostgreSQL ${major(source)}: before 15 a publication has neither lists of columns nor conditions, so select.columns and select.rows cannot be replicated.`,
      'Remove them from the spec, or use mode full-load.',
    );
  if (copiesByServer(spec) && target.version < 150000)
    return block(
      `load.method native: the target runs PostgreSQL ${major(target)}, and before 15 a server copies whole tables itself.`,
      'Use load.method: stream.',
    );
  return [];
}

function major({ version }: Session): string {
  return String(Math.floor(version / 10_000));
}

const COLUMNS_SQL = `
  SELECT /* pgtrek: validate partial columns */ t.name AS table, a.attname::text AS name,
    a.attgenerated <> '' AS "isGenerated",
    -- Left out it is null on the target, where it may not be.
    (a.attnotnull OR y.typnotnull) AND NOT a.atthasdef AND a.attidentity = '' AND y.typdefault IS NULL AS "isRequired"
  FROM unnest($1::text[]) AS t (name) JOIN ${BY_NAME}
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type y ON y.oid = a.atttypid
  ORDER BY t.name, a.attnum`;

interface Column {
  table: string;
  name: string;
  isGenerated: boolean;
  isRequired: boolean;
}

async function readColumns(session: Session, tables: string[]): Promise<Column[]> {
  if (tables.length === 0) return [];
  return session.query<Column & Record<string, unknown>>(COLUMNS_SQL, [tables]);
}

/** The columns that are asked for exist, and their values can be written. */
export async function checkPartialColumns(facts: OnSource): Promise<Finding[]> {
  const lists = partialFamilies(facts).flatMap(({ table: { qualified }, columns }) =>
    columns ? [{ qualified, columns }] : [],
  );
  const names = lists.map(({ qualified }) => qualified);
  const known = await readColumns(facts.source, names);
  return capFindings(
    lists.flatMap(({ qualified, columns }) => {
      const own = known.filter(({ table }) => table === qualified);
      const unknown = columns.filter((name) => !own.some((column) => column.name === name));
      const generated = own.filter(({ name, isGenerated }) => isGenerated && columns.includes(name));
      const repeated = columns.filter((name, i) => columns.indexOf(name) !== i);
      return [
        ...(unknown.length === 0
          ? []
          : [
              columnFinding(
                qualified,
                `names columns that it does not have: ${listNames(unknown)}`,
                `Its columns: ${listNames(
                  own.map(({ name }) => name),
                  30,
                )}; as they are written here, without quotes.`,
              ),
            ]),
        ...(generated.length === 0
          ? []
          : [
              columnFinding(
                qualified,
                `names generated columns, which the target computes itself: ${listNames(generated.map(({ name }) => name))}`,
                'Leave them out of the list.',
              ),
            ]),
        ...(repeated.length === 0
          ? []
          : [columnFinding(qualified, `names columns twice: ${listNames(repeated)}`, 'Name them once.')]),
      ];
    }),
  );
}

function columnFinding(table: string, what: string, remedy: string): Finding {
  return {
    id: 'select.columns',
    scope: `source.table ${table}`,
    verdict: 'block',
    why: `The list of ${table} in select.columns ${what}.`,
    remedy,
  };
}

/** Rows without a value for a column must be possible on the target, which has the definitions of the source. */
export async function checkLeftOutColumns(facts: OnSource): Promise<Finding[]> {
  return findRequired(facts, facts.source);
}

/** In mode cdc the target has definitions of its own. */
export async function checkLeftOutOnTarget(facts: OnBoth): Promise<Finding[]> {
  return findRequired(facts, facts.target);
}

async function findRequired(facts: OnSource, session: Session): Promise<Finding[]> {
  const wanted = new Map(
    partialFamilies(facts).flatMap(({ table, leaves, columns }) =>
      columns ? [table, ...leaves].map(({ qualified }) => [qualified, columns] as const) : [],
    ),
  );
  const known = await readColumns(session, [...wanted.keys()]);
  const required = known.filter(
    ({ table, name, isRequired, isGenerated }) =>
      isRequired && !isGenerated && !wanted.get(table)?.includes(name),
  );
  const tables = [...new Set(required.map(({ table }) => table))];
  return capFindings(
    tables.map((table) => {
      const names = required.filter((column) => column.table === table).map(({ name }) => name);
      return columnFinding(
        table,
        `leaves out columns that may not be null and have no default: ${listNames(names)}`,
        `Add them to the list, or give them a default on the ${session.endpoint.end}.`,
      );
    }),
  );
}
