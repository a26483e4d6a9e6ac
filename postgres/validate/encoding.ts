/** Encoding and collation of both databases: what text may be stored, and how it is ordered. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Finding } from '../../contract/state.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { checkTextOrder } from './text-order.js';
import type { Locale } from './text-order.js';

// The columns of the provider differ between 15, 16 and 17; before 15 there is only libc.
const LOCALE_SQL = `
  SELECT /* pgtrek: validate encoding */
    pg_encoding_to_char(d.encoding)::text AS encoding,
    d.datcollate::text AS collate,
    d.datctype::text AS ctype,
    coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') AS provider,
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
    to_jsonb(d) ->> 'daticurules' AS rules
  FROM pg_database d
  WHERE d.datname = current_database()`;

const PROVIDERS: Record<string, string> = { c: 'libc', i: 'icu', b: 'builtin' };

export async function compareEncodings({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  const from = await readLocale(source);
  const to = await readLocale(target);
  const { database } = target.endpoint;
  const create = `DROP DATABASE ${escapeIdentifier(database)}; ${createDatabaseLike(from, database)}; -- while it is empty, from another database of the target`;
  const oids = selection.selected.map(({ oid }) => oid);
  return [
    judgeEncodings(from.encoding, to.encoding, create),
    judgeLocales(from, to, create),
    // Tables that are there already have their own.
    ...(spec.mode === 'cdc' ? [] : await checkTextOrder(source, { from, to, oids, create })),
  ];
}

export function readLocale(session: Session): Promise<Locale> {
  return session.one<Locale & Record<string, unknown>>(LOCALE_SQL);
}

/** UTF8 takes every encoding but SQL_ASCII, whose bytes may be anything. */
export function judgeEncodings(from: string, to: string, create: string): Finding {
  const finding = { id: 'target.encoding', scope: 'target' };
  if (from === to) return { ...finding, verdict: 'ok', why: `Both databases are in ${from}.` };
  if (to === 'UTF8' && from !== 'SQL_ASCII') {
    return {
      ...finding,
      verdict: 'ok',
      why: `The source is in ${from} and is converted to the target's UTF8.`,
    };
  }
  const reason =
    from === 'SQL_ASCII'
      ? `bytes that SQL_ASCII took may be no ${to}`
      : `${to} cannot hold every character of ${from}, or does not check them`;
  return {
    ...finding,
    verdict: 'block',
    why: `The source is in ${from} and the target in ${to}: ${reason}.`,
    remedy: create,
  };
}

function judgeLocales(from: Locale, to: Locale, create: string): Finding {
  const finding = { id: 'target.collation', scope: 'target' };
  const source = describeLocale(from);
  const target = describeLocale(to);
  if (source === target) return { ...finding, verdict: 'ok', why: `Both databases have ${source}.` };
  return {
    ...finding,
    verdict: 'warn',
    why: `The source has ${source}, the target ${target}: text sorts differently, which may change query results, range partitions and CHECKs on text.`,
    remedy: create,
  };
}

function describeLocale({ collate, ctype, provider, locale, rules }: Locale): string {
  const name = PROVIDERS[provider] ?? provider;
  const own = `${locale === null ? '' : ` ${locale}`}${rules === null ? '' : ` with rules ${rules}`}`;
  return `collation ${collate}, ctype ${ctype}, provider ${name}${own}`;
}

export function createDatabaseLike(
  { encoding, collate, ctype, provider, locale, rules }: Locale,
  database: string,
): string {
  const own =
    provider === 'c' || locale === null
      ? ''
      : ` LOCALE_PROVIDER ${PROVIDERS[provider] ?? provider} ${provider === 'i' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${escapeLiteral(locale)}${rules === null ? '' : ` ICU_RULES ${escapeLiteral(rules)}`}`;
  return `CREATE DATABASE ${escapeIdentifier(database)} TEMPLATE template0 ENCODING ${escapeLiteral(encoding)} LC_COLLATE ${escapeLiteral(collate)} LC_CTYPE ${escapeLiteral(ctype)}${own}`;
}
