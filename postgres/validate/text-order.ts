/** What the order of text decides in the schema: rows go elsewhere, or are refused, where the databases sort differently. */
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import { capFindings } from './check.js';

/** Of a database. */
export interface Locale {
  encoding: string;
  collate: string;
  ctype: string;
  provider: string;
  locale: string | null;
  rules: string | null;
}

// 100 is the database's own collation. Equality is that of bytes in every deterministic one, and no matter here.
const ORDERED_SQL = `
  SELECT /* pgtrek: validate text order */ o.table, o.what
  FROM (
    SELECT p.partrelid::regclass::text AS table, 'its range partitions go' AS what
    FROM pg_partitioned_table p
    WHERE p.partrelid = ANY ($1::oid[]) AND p.partstrat = 'r' AND 100 = ANY (p.partcollation)
    UNION ALL
    SELECT k.conrelid::regclass::text, format('the exclusion constraint %I goes', k.conname)
    FROM pg_constraint k
    WHERE k.conrelid = ANY ($1::oid[]) AND k.contype = 'x'
      AND EXISTS (
        SELECT FROM unnest(k.conexclop) WITH ORDINALITY AS e (operator, number)
          JOIN pg_operator p ON p.oid = e.operator
          JOIN pg_attribute a ON a.attrelid = k.conindid AND a.attnum = e.number
          LEFT JOIN pg_range r ON r.rngtypid = a.atttypid
        WHERE (a.attcollation = 100 OR r.rngcollation = 100) AND p.oprname <> '=')
  ) o
  ORDER BY 1, 2`;

interface Compared {
  from: Locale;
  to: Locale;
  oids: number[];
  /** The statement that makes the target's database like the source's. */
  create: string;
}

export async function checkTextOrder(
  source: Session,
  { from, to, oids, create }: Compared,
): Promise<Finding[]> {
  if (orderOf(from) === orderOf(to)) return [];
  const rows = await source.query<{ table: string; what: string }>(ORDERED_SQL, [oids]);
  return capFindings(
    rows.map(({ table, what }) => ({
      id: 'target.locale',
      scope: `source.table ${table}`,
      verdict: 'block',
      why: `Table ${table}: ${what} by the order of text, in which the databases differ (${orderOf(from)} on the source, ${orderOf(to)} on the target): rows of the source would be refused.`,
      remedy: `${create} Or give the columns a collation of their own on the source: PARTITION BY RANGE (… COLLATE "C").`,
    })),
  );
}

/** The names of a libc locale differ in case and hyphens only: en_US.UTF-8 is en_US.utf8. */
function orderOf({ provider, collate, locale, rules }: Locale): string {
  if (provider === 'b' || (provider === 'c' && /^(C|POSIX)$/.test(collate))) return 'bytes';
  if (provider === 'c') return `libc ${collate.toLowerCase().replaceAll('-', '')}`;
  return `icu ${locale ?? collate}${rules === null ? '' : ` ${rules}`}`;
}
