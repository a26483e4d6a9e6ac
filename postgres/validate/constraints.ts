/** Constraints and indexes that the target gets in another state, or not at all. */
import type { Finding } from '../../contract/state.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { tablesOf } from './partial-families.js';

// What a partition or a child has from its parent is told of the parent. NOT ENFORCED (18) is never valid.
const CONSTRAINTS_SQL = `
  SELECT /* pgtrek: validate constraints */ format('%I.%I', n.nspname, c.relname) AS table, quote_ident(k.conname) AS name,
    pg_get_constraintdef(k.oid) AS definition, k.condeferrable AND k.contype <> 'f' AS deferrable
  FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.conrelid = ANY ($1::oid[]) AND k.conislocal AND k.conparentid = 0
    AND (
      k.condeferrable AND k.contype IN ('p', 'u', 'x')
      OR NOT k.convalidated AND coalesce((to_jsonb(k)->>'conenforced')::boolean, true))
  ORDER BY 1, 2`;

interface Constraint {
  table: string;
  name: string;
  definition: string;
  deferrable: boolean;
}

export async function checkConstraints({ source, selection, spec }: OnSource): Promise<Finding[]> {
  const oids = tablesOf(selection.selected).map(({ oid }) => oid);
  const found = await source.query<Constraint & Record<string, unknown>>(CONSTRAINTS_SQL, [oids]);
  return [
    ...(spec.mode === 'full-load' ? [] : tellDeferrable(found.filter(({ deferrable }) => deferrable))),
    ...(spec.mode === 'cdc' ? [] : tellNotValid(found.filter(({ deferrable }) => !deferrable))),
  ];
}

/** Its check is an internal trigger, which does not fire for what a subscription applies. */
function tellDeferrable(constraints: Constraint[]): Finding[] {
  return capFindings(
    constraints.map(({ table, name, definition }) => ({
      id: 'source.deferrable_constraints',
      scope: `source.table ${table}`,
      verdict: 'warn',
      why: `Constraint ${name} of ${table} is DEFERRABLE: the target does not check it for changes that are applied, so a row that somebody has written there beside them is not noticed.`,
      remedy: `Write nothing to the target before the cutover, and compare it with pgtrek verify; or make it immediate: ALTER TABLE ${table} DROP CONSTRAINT ${name}, ADD CONSTRAINT ${name} ${definition.replace(/ DEFERRABLE.*$/, '')};`,
    })),
  );
}

function tellNotValid(constraints: Constraint[]): Finding[] {
  return capFindings(
    constraints.map(({ table, name, definition }) => {
      const remedy = `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`;
      const again = definition.startsWith('FOREIGN KEY')
        ? ''
        : ' Rows that break it come with the load, and not when the table has to be loaded again.';
      return {
        id: 'source.not_valid_constraints',
        scope: `source.table ${table}`,
        verdict: 'warn',
        why: `Constraint ${name} of ${table} is NOT VALID, and stays so on the target.${again}`,
        // No fix: it reads the whole table, and the migration does not need it.
        remedy,
      };
    }),
  );
}

const INVALID_SQL = `
  SELECT /* pgtrek: validate invalid indexes */ format('%I.%I', n.nspname, x.relname) AS name
  FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i'
    JOIN pg_namespace n ON n.oid = x.relnamespace
  WHERE i.indrelid = ANY ($1::oid[]) AND NOT i.indisvalid
  ORDER BY 1`;

/** Neither pg_dump nor pgtrek takes an index that is no use to anybody. */
export async function checkInvalidIndexes({ source, selection }: OnSource): Promise<Finding[]> {
  const names = await readInvalid(
    source,
    tablesOf(selection.selected).map(({ oid }) => oid),
  );
  if (names.length === 0) return [];
  return [
    {
      id: 'source.invalid_indexes',
      scope: 'source',
      verdict: 'warn',
      why: `The target will not have ${names.length} indexes that are invalid on the source: ${listNames(names)}.`,
      remedy: names
        .slice(0, 20)
        .map((name) => `REINDEX INDEX ${name};`)
        .join(' '),
    },
  ];
}

async function readInvalid(source: Session, oids: number[]): Promise<string[]> {
  const rows = await source.query<{ name: string }>(INVALID_SQL, [oids]);
  return rows.map(({ name }) => name);
}
