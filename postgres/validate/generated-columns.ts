/** Generated columns: replication leaves them out, so the target must compute them itself. */
import type { Finding } from '../../contract/state.js';
import { givenStart } from '../lane/lane-names.js';
import type { Session } from '../session.js';
import type { OnBoth, OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { NAMED_TABLES } from '../named-tables.js';
import { tablesOf } from './partial-families.js';

const ID = 'source.generated_columns';

const GENERATED_SQL = `
  SELECT /* pgtrek: validate generated columns */ t.name AS table, quote_ident(a.attname) AS column,
    format_type(a.atttypid, a.atttypmod) AS type, a.attgenerated AS generated,
    pg_get_expr(d.adbin, d.adrelid) AS expression
  FROM (${NAMED_TABLES}) AS t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
    JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  ORDER BY 1, a.attnum`;

interface Generated {
  table: string;
  column: string;
  type: string;
  /** pg_attribute.attgenerated: stored or virtual. */
  generated: 's' | 'v';
  expression: string;
}

function readGenerated(session: Session, tables: string[]): Promise<Generated[]> {
  return session.query<Generated & Record<string, unknown>>(GENERATED_SQL, [tables]);
}

/** The definitions come from the source. */
export async function checkGenerated({ source, selection }: OnSource): Promise<Finding[]> {
  const columns = await readGenerated(source, rootsOf({ selection }));
  if (columns.length === 0) return [];
  const why = `The target computes ${columns.length} generated columns itself: ${listNames(columns.map(nameOf))}.`;
  return [{ id: ID, scope: 'source', verdict: 'ok', why }];
}

function rootsOf({ selection }: Pick<OnBoth, 'selection'>): string[] {
  return tablesOf(selection.selected)
    .filter(({ partitionOf }) => partitionOf === null)
    .map(({ qualified }) => qualified);
}

function nameOf({ table, column }: Pick<Generated, 'table' | 'column'>): string {
  return `${table}.${column}`;
}

function makeAnew({ table, column, type, expression }: Generated, kind: 'STORED' | 'VIRTUAL'): string {
  return `ALTER TABLE ${table} DROP COLUMN ${column}, ADD COLUMN ${column} ${type} GENERATED ALWAYS AS (${expression}) ${kind};`;
}

const PLAIN_SQL = `
  SELECT /* pgtrek: validate plain columns */ t.name AS table, quote_ident(a.attname) AS column
  FROM (${NAMED_TABLES}) AS t
    JOIN unnest($1::text[], $2::text[]) AS w (name, "column") USING (name)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND quote_ident(a.attname) = w.column
  WHERE a.attgenerated = ''`;

function readPlain(session: Session, columns: Generated[]): Promise<Pick<Generated, 'table' | 'column'>[]> {
  return session.query<Pick<Generated, 'table' | 'column'> & Record<string, unknown>>(PLAIN_SQL, [
    columns.map(({ table }) => table),
    columns.map(({ column }) => column),
  ]);
}

/** Mode cdc: the target has definitions of its own. */
export async function compareGenerated(facts: OnBoth): Promise<Finding[]> {
  const { source, target } = facts;
  const tables = rootsOf(facts);
  const [here, there] = [await readGenerated(source, tables), await readGenerated(target, tables)];
  if (here.length + there.length === 0) return [];
  const [plainThere, plainHere] = [await readPlain(target, here), await readPlain(source, there)];
  const sent = await sendsStored(facts);
  const known = new Map(there.map((column) => [nameOf(column), column]));
  const isIn = (columns: Pick<Generated, 'table' | 'column'>[], wanted: Generated) =>
    columns.some((column) => nameOf(column) === nameOf(wanted));
  const findings = [
    ...here
      .filter((column) => isIn(plainThere, column) && !(sent && column.generated === 's'))
      .map((column) => tellPlain(column, target)),
    ...there.filter((column) => isIn(plainHere, column)).map(tellRefused),
    ...here.flatMap((column) => tellOther(column, known.get(nameOf(column)))),
  ];
  if (findings.length > 0) return capFindings(findings);
  const why = `The target computes the ${here.length} generated columns of the source itself: ${listNames(here.map(nameOf))}.`;
  return [{ id: ID, scope: 'source', verdict: 'ok', why }];
}

const SENT_SQL = `
  SELECT /* pgtrek: validate published generated columns */ to_jsonb(p)->>'pubgencols' = 's' AS sent
  FROM pg_publication p WHERE pubname = $1`;

/** From 18 on a publication may send what is stored of them. */
async function sendsStored({ source, spec }: OnBoth): Promise<boolean> {
  const given = givenStart(spec);
  if (!given) return false;
  const [row] = await source.query<{ sent: boolean | null }>(SENT_SQL, [given.publication]);
  return row?.sent === true;
}

function tellPlain(column: Generated, target: Session): Finding {
  const kind = column.generated === 'v' && target.version >= 180000 ? 'VIRTUAL' : 'STORED';
  return {
    id: ID,
    scope: `target.table ${column.table}`,
    verdict: 'block',
    why: `Column ${column.column} of ${column.table} is generated on the source and a plain one on the target: its values are not sent, and stay NULL there.`,
    remedy: `${makeAnew(column, kind)} -- on the target`,
  };
}

function tellRefused({ table, column, generated }: Generated): Finding {
  return {
    id: ID,
    scope: `target.table ${table}`,
    verdict: 'block',
    why: `Column ${column} of ${table} is generated on the target and a plain one on the source: no change of the table can be applied.`,
    remedy:
      generated === 's'
        ? `ALTER TABLE ${table} ALTER COLUMN ${column} DROP EXPRESSION; -- on the target`
        : `Make ${column} of ${table} a plain column on the target.`,
  };
}

function tellOther(column: Generated, there: Generated | undefined): Finding[] {
  if (!there || there.expression === column.expression) return [];
  return [
    {
      id: ID,
      scope: `target.table ${column.table}`,
      verdict: 'warn',
      why: `Column ${column.column} of ${column.table} is computed otherwise on the target (${there.expression}) than on the source (${column.expression}).`,
      remedy: `${makeAnew(column, there.generated === 'v' ? 'VIRTUAL' : 'STORED')} -- on the target, unless that is wanted`,
    },
  ];
}
