/** Columns whose values are ids of the source's own server. */
import type { Finding } from '../../contract/state.js';
import { largeObjectsOf } from '../large-objects/objects.js';
import type { OnSource } from './check.js';
import { listNames } from './check.js';
import { tablesOf } from './partial-families.js';

// Domains such as lo, and arrays, by what they are made of.
const COLUMNS_SQL = `
  SELECT /* pgtrek: validate object ids */
    format('%I.%I.%I %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) AS name,
    b.typname LIKE 'reg%' AS "isName"
  FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE
      WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
  WHERE c.oid = ANY ($1::oid[]) AND b.typnamespace = 'pg_catalog'::regnamespace
    AND b.typname ~ '^(oid|xid|xid8|cid|tid|reg[a-z]+)$'
  ORDER BY 1`;

export async function checkObjectIds({ source, selection, spec }: OnSource): Promise<Finding[]> {
  const tables = tablesOf(selection.selected).filter(
    ({ oid, partitionOf }) => partitionOf === null && !selection.withoutData.has(oid),
  );
  const columns = await source.query<{ name: string; isName: boolean }>(COLUMNS_SQL, [
    tables.map(({ oid }) => oid),
  ]);
  const numbers = columns.filter(({ isName }) => !isName).map(({ name }) => name);
  const names = columns.filter(({ isName }) => isName).map(({ name }) => name);
  const finding = { id: 'source.oid_columns', scope: 'source', verdict: 'warn' } as const;
  const except =
    largeObjectsOf(spec) === 'copy' ? ' (those of large objects, which are copied, stay right)' : '';
  return [
    ...(numbers.length === 0
      ? []
      : [
          {
            ...finding,
            why: `${numbers.length} columns hold ids that the source's server has given: the numbers come as they are, and name something else or nothing on the target${except}: ${listNames(numbers)}.`,
            remedy:
              'Set them anew on the target after the migration where something reads them; store names instead.',
          },
        ]),
    ...(names.length === 0
      ? []
      : [
          {
            ...finding,
            why: `${names.length} columns hold names of objects, which the target looks up: a value that it does not have fails, and with it the copy or the lane: ${listNames(names)}.`,
            remedy:
              'See that the target has all that they name, or make them text: ALTER TABLE … ALTER COLUMN … TYPE text;',
          },
        ]),
  ];
}
