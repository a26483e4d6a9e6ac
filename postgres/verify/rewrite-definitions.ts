/**
 * Versions write the same view, check or index in other words, and a restored one may come out in others than the one that
 * was dumped. What differs is therefore made anew on the target from the source's words, in a transaction that is rolled back,
 * and read as the target writes it.
 */
import { DOMAIN_DEFINITION } from '../fingerprint/database-parts.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { Session } from '../session.js';

/** The source's items, each that differs in the target's words where the target understands it. */
export async function rewriteAsTarget(
  target: Session,
  before: SchemaItem[],
  after: SchemaItem[],
): Promise<SchemaItem[]> {
  const there = new Map(after.map((item) => [item.id, item]));
  const differs = (item: SchemaItem) => {
    const other = there.get(item.id);
    return other !== undefined && item.definition !== null && other.definition !== item.definition;
  };
  const suspects = before.filter((item) => item.kind in TRIALS && differs(item));
  if (suspects.length === 0) return before;
  const names = new Map(before.map(({ id, name }) => [id, name]));
  const rewritten = new Map<string, SchemaItem>();
  await target.client.query('BEGIN');
  try {
    for (const item of suspects) {
      const trial = TRIALS[item.kind]?.(item, names.get(item.container) ?? '');
      const definition = trial && (await tryDefinition(target, trial));
      if (definition !== undefined) rewritten.set(item.id, { ...item, definition, raw: `|${definition}` });
    }
  } finally {
    await target.client.query('ROLLBACK').catch(() => undefined);
  }
  return before.map((item) => rewritten.get(item.id) ?? item);
}

interface Trial {
  /** Makes the object as a temporary one. */
  statements: string[];
  /** One row with the definition; null: it cannot be told. */
  read: string;
  /** From the definition of the temporary one to that of the real one. */
  finish: (definition: string) => string;
}

/** Undefined where the target does not understand it, or the role may make nothing temporary. */
async function tryDefinition(
  target: Session,
  { statements, read, finish }: Trial,
): Promise<string | undefined> {
  await target.client.query('SAVEPOINT trial');
  try {
    for (const statement of statements) await target.query(statement);
    const { definition } = await target.one<{ definition: string | null }>(read);
    return definition === null ? undefined : finish(definition);
  } catch {
    return undefined;
  } finally {
    await target.client.query('ROLLBACK TO SAVEPOINT trial');
  }
}

const NAME = 'pg_temp.pgtrek_trial';
const OID = `'${NAME}'::regclass`;

type MakeTrial = (item: SchemaItem, table: string) => Trial | undefined;

const TRIALS: Record<string, MakeTrial> = {
  view: tryView,
  type: tryDomain,
  column: tryColumn,
  constraint: tryConstraint,
  index: tryIndex,
  policy: tryPolicy,
  trigger: (item, table) =>
    tryOnTable(item, table, {
      catalog: 'pg_trigger',
      relation: 'tgrelid',
      read: 'pg_get_triggerdef(x.oid)',
    }),
  rule: (item, table) =>
    tryOnTable(item, table, { catalog: 'pg_rewrite', relation: 'ev_class', read: 'pg_get_ruledef(x.oid)' }),
};

function likeTable(table: string): string {
  return `CREATE /* pgtrek: try-definition */ TEMPORARY TABLE pgtrek_trial (LIKE ${table})`;
}

function tryView({ definition }: SchemaItem): Trial | undefined {
  const [, head, query] = /^((?:MATERIALIZED )?(?:WITH \(.*?\) )?AS )([\s\S]*)$/.exec(definition ?? '') ?? [];
  if (head === undefined || query === undefined) return undefined;
  return {
    statements: [`CREATE /* pgtrek: try-definition */ TEMPORARY VIEW pgtrek_trial AS ${query}`],
    read: `SELECT pg_get_viewdef(${OID}) AS definition`,
    finish: (text) => `${head}${text}`,
  };
}

function tryDomain({ definition }: SchemaItem): Trial | undefined {
  if (definition === null || definition === 'ENUM') return undefined;
  return {
    statements: [`CREATE /* pgtrek: try-definition */ DOMAIN ${NAME} AS ${definition}`],
    read: `SELECT ${DOMAIN_DEFINITION} AS definition FROM pg_type t WHERE t.oid = '${NAME}'::regtype`,
    finish: (text) => text,
  };
}

function tryColumn({ definition, label }: SchemaItem, table: string): Trial | undefined {
  const [, head, value] = /^([\s\S]*? DEFAULT )([\s\S]*)$/.exec(definition ?? '') ?? [];
  if (head === undefined || value === undefined) return undefined;
  const column = `"${label.replaceAll('"', '""')}"`;
  return {
    statements: [likeTable(table), `ALTER TABLE ${NAME} ALTER COLUMN ${column} SET DEFAULT ${value}`],
    read: `SELECT pg_get_expr(d.adbin, d.adrelid) AS definition FROM pg_attrdef d WHERE d.adrelid = ${OID}`,
    finish: (text) => `${head}${text}`,
  };
}

function tryConstraint({ definition }: SchemaItem, table: string): Trial | undefined {
  if (definition === null || !/^(CHECK|EXCLUDE)/.test(definition)) return undefined;
  return {
    statements: [likeTable(table), `ALTER TABLE ${NAME} ADD CONSTRAINT pgtrek_trial_c ${definition}`],
    read: `SELECT pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k
      WHERE k.conrelid = ${OID} AND k.conname = 'pgtrek_trial_c'`,
    finish: (text) => text,
  };
}

function tryIndex({ definition, name }: SchemaItem, table: string): Trial | undefined {
  const [, unique, only, rest] =
    /^CREATE (UNIQUE )?INDEX .*? ON (ONLY )?[\s\S]*? USING ([\s\S]*)$/.exec(definition ?? '') ?? [];
  if (rest === undefined) return undefined;
  const own = name.slice(name.indexOf('.') + 1);
  return {
    statements: [likeTable(table), `CREATE ${unique ?? ''}INDEX pgtrek_trial_i ON ${NAME} USING ${rest}`],
    read: `SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i WHERE i.indrelid = ${OID}`,
    finish: (text) =>
      `CREATE ${unique ?? ''}INDEX ${own} ON ${only ?? ''}${table} USING ${text.replace(/^[\s\S]*? USING /, '')}`,
  };
}

function tryPolicy({ definition }: SchemaItem, table: string): Trial | undefined {
  if (definition === null) return undefined;
  const expression = (column: string) => `pg_get_expr(p.${column}, p.polrelid)`;
  const [, head] = /^([\s\S]*?)(?:USING|WITH CHECK) \(/.exec(definition) ?? [];
  if (head === undefined) return undefined;
  return {
    statements: [likeTable(table), `CREATE POLICY pgtrek_trial_p ON ${NAME} ${definition}`],
    read: `SELECT concat_ws(' ', 'USING (' || ${expression('polqual')} || ')', 'WITH CHECK (' || ${expression('polwithcheck')} || ')') AS definition
      FROM pg_policy p WHERE p.polrelid = ${OID}`,
    finish: (text) => `${head}${text}`,
  };
}

/** Of what its own definition makes, but for the table's name and its state, which stands before CREATE. */
function tryOnTable(
  { definition }: SchemaItem,
  table: string,
  { catalog, relation, read }: { catalog: string; relation: string; read: string },
): Trial | undefined {
  const text = definition ?? '';
  const at = text.indexOf('CREATE ');
  if (at < 0 || !text.includes(table)) return undefined;
  return {
    statements: [likeTable(table), text.slice(at).replace(table, NAME)],
    read: `SELECT ${read} AS definition FROM ${catalog} x WHERE x.${relation} = ${OID}`,
    finish: (made) => text.slice(0, at) + made.replace(/pg_temp(_\d+)?\.pgtrek_trial/, table),
  };
}
