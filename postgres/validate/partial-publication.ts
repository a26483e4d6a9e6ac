/** Whether a publication takes the lists and conditions of the spec, and the source can still change its rows then. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import { messageOf, sqlState } from '../classify-error.js';
import { givenStart } from '../lane/lane-names.js';
import { publishedAs } from '../lane/publication.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { partialFamilies } from './partial-families.js';
import type { PartialFamily } from './partial-families.js';

/**
 * From the moment that such a publication exists, an UPDATE or DELETE on the source fails where a list lacks a column
 * of the replica identity, or a condition uses one that is not of it. The server itself is asked: a publication is made
 * in a transaction that is rolled back, and an UPDATE is planned in it.
 */
export async function checkPartialPublication(facts: OnSource): Promise<Finding[]> {
  const { source, spec, selection } = facts;
  // Lists and conditions are of 15 and later; a publication that was given has its own.
  if (source.version < 150000 || givenStart(spec)) return [];
  const findings: Finding[] = [];
  for (const family of partialFamilies(facts)) {
    const { table } = family;
    if (table.persistence !== 'p' || selection.withoutData.has(table.oid) || isRefused(facts, family))
      continue;
    const refusal = await tryPublication(source, family);
    if (refusal) findings.push(...(await tellRefusal(source, family, refusal)));
  }
  return capFindings(findings);
}

/** What names no column, or is no condition, has been told already. */
function isRefused({ found }: OnSource, { table }: PartialFamily): boolean {
  return found.some(
    ({ id, scope, verdict }) =>
      /^select\.(columns|rows)$/.test(id) &&
      scope === `source.table ${table.qualified}` &&
      verdict === 'block',
  );
}

interface Refusal {
  error: unknown;
  /** The table or partition whose rows could not be changed any more; absent: the publication itself is refused. */
  changed?: string;
}

/** Behind somebody's ALTER TABLE this gives up, as others would wait behind it. */
const LOCK_TIMEOUT_SQL = `SET LOCAL lock_timeout = '2s'`;

async function tryPublication(source: Session, family: PartialFamily): Promise<Refusal | undefined> {
  let changed: string | undefined;
  await source.client.query('BEGIN READ WRITE');
  try {
    await source.query(LOCK_TIMEOUT_SQL);
    await source.query(createSql(source, family));
    for (const name of changedIn(family)) {
      changed = name;
      await source.query(`EXPLAIN /* pgtrek: validate publication */ DELETE FROM ONLY ${name} WHERE false`);
    }
    return undefined;
  } catch (error) {
    return changed === undefined ? { error } : { error, changed };
  } finally {
    await source.client.query('ROLLBACK');
  }
}

/** The table, or the partitions, that hold the rows which are changed. */
function changedIn({ table, leaves }: PartialFamily): string[] {
  return (table.kind === 'p' ? leaves : [table]).map(({ qualified }) => qualified);
}

function createSql({ pid }: Session, { table, columns, filter = '' }: PartialFamily): string {
  const { kind, qualified } = table;
  const name = escapeIdentifier(`pgtrek_validate_${String(pid)}`);
  return `
    CREATE /* pgtrek: validate publication */ PUBLICATION ${name}
    FOR TABLE ${publishedAs({ kind, qualified, filter }, columns)} WITH (publish_via_partition_root = true)`;
}

async function tellRefusal(
  source: Session,
  family: PartialFamily,
  { error, changed }: Refusal,
): Promise<Finding[]> {
  const { qualified } = family.table;
  const state = sqlState(error) ?? '';
  // Other checks tell of a missing privilege (42501), and of a table without replica identity (55000).
  if (state === '42501' || state === '55000') return [];
  const finding = {
    id: family.filter === undefined ? 'select.columns' : 'select.rows',
    scope: `source.table ${qualified}`,
  };
  if (state === '55P03') {
    const why = `Somebody holds ${qualified}, so it could not be tried whether a publication takes what select asks of it.`;
    return [{ ...finding, verdict: 'warn', why, remedy: 'Validate again.' }];
  }
  if (changed !== undefined && state === '42P10') return [await tellIdentity(source, family, changed)];
  return [
    {
      ...finding,
      verdict: 'block',
      why: `No publication takes what select asks of ${qualified}: ${messageOf(error)}`,
      remedy:
        'A condition may hold columns of the table, constants, and immutable operators and functions that PostgreSQL itself brings.',
    },
  ];
}

const IDENTITY_SQL = `
  SELECT /* pgtrek: validate identity columns */ t.name, c.relreplident = 'f' AS "isFull",
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) AS "isKeyed",
    CASE WHEN x.relname IS NULL THEN 'DEFAULT' ELSE format('USING INDEX %I', x.relname) END AS before,
    ARRAY(
      SELECT a.attname::text FROM pg_index i
        CROSS JOIN generate_series(0, i.indnkeyatts - 1) k
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
      WHERE i.indrelid = c.oid
        AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
      ORDER BY k
    ) AS identity
  FROM unnest($1::text[]) WITH ORDINALITY t (name, position)
    JOIN pg_class c ON c.oid = t.name::regclass
    LEFT JOIN pg_index r ON r.indrelid = c.oid AND r.indisreplident AND c.relreplident = 'i'
    LEFT JOIN pg_class x ON x.oid = r.indexrelid
  ORDER BY t.position`;

/** As many as a person pastes. */
const TOLD_STATEMENTS = 20;

interface IdentityColumns {
  name: string;
  isFull: boolean;
  isKeyed: boolean;
  /** What REPLICA IDENTITY is to be told for what it is now, unless it is FULL. */
  before: string;
  identity: string[];
}

async function tellIdentity(source: Session, family: PartialFamily, changed: string): Promise<Finding> {
  const { table, columns, filter } = family;
  const all = await source.query<IdentityColumns & Record<string, unknown>>(IDENTITY_SQL, [
    changedIn(family),
  ]);
  const { isFull = false, identity = [] } = all.find(({ name }) => name === changed) ?? {};
  // What is wrong with one partition is so with those that are like it.
  const alike = all.filter((other) => other.isFull === isFull);
  const missing = columns ? identity.filter((name) => !columns.includes(name)) : [];
  const isListAtFault = columns !== undefined && (isFull || missing.length > 0 || filter === undefined);
  const finding = { scope: `source.table ${table.qualified}`, verdict: 'block' as const };
  const consequence = `once it is published so, UPDATE and DELETE of ${changed} fail on the source.`;
  if (isListAtFault && !isFull) {
    const why = `The list of ${table.qualified} in select.columns lacks columns of its replica identity (${listNames(missing)}): ${consequence}`;
    return { ...finding, id: 'select.columns', why, remedy: `Add them to the list: ${listNames(identity)}.` };
  }
  if (isListAtFault) {
    const why = `${changed} has REPLICA IDENTITY FULL, which goes with no list of columns: ${consequence}`;
    return { ...finding, id: 'select.columns', why, ...withDefaultIdentity(alike) };
  }
  const only = `use only columns of its replica identity (${listNames(identity)}) in the condition`;
  const why = `The condition of ${table.qualified} in select.rows uses columns that are not of its replica identity: ${consequence}`;
  if (columns) return { ...finding, id: 'select.rows', why, remedy: `In select.rows ${only}.` };
  return { ...finding, id: 'select.rows', why, ...withFullIdentity(alike, only) };
}

function withDefaultIdentity(tables: IdentityColumns[]): Pick<Finding, 'remedy' | 'fix'> {
  const orElse = '-- or remove the list';
  const statements = tables.map(({ name }) => identitySql(name, 'DEFAULT'));
  const unkeyed = tables.filter(({ isKeyed }) => !isKeyed);
  if (unkeyed.length > 0) {
    const keys = unkeyed.map(({ name }) => `ALTER TABLE ${name} ADD PRIMARY KEY (…);`);
    return { remedy: `${tellStatements([...keys, ...statements])} ${orElse}` };
  }
  const undo = tables.map(({ name }) => identitySql(name, 'FULL'));
  return { remedy: `${tellStatements(statements)} ${orElse}`, fix: { on: 'source', statements, undo } };
}

function withFullIdentity(tables: IdentityColumns[], only: string): Pick<Finding, 'remedy' | 'fix'> {
  const statements = tables.map(({ name }) => identitySql(name, 'FULL'));
  const undo = tables.map(({ name, before }) => identitySql(name, before));
  return { remedy: `${tellStatements(statements)} -- or ${only}`, fix: { on: 'source', statements, undo } };
}

function identitySql(table: string, identity: string): string {
  return `ALTER TABLE ${table} REPLICA IDENTITY ${identity};`;
}

function tellStatements(statements: string[]): string {
  const rest = statements.length - TOLD_STATEMENTS;
  const told = statements.slice(0, TOLD_STATEMENTS).join(' ');
  return rest > 0 ? `${told} -- and so on for ${String(rest)} more` : told;
}
