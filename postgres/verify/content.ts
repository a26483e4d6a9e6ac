/** What both servers compute of a table's rows: counts, sums of hashes, and at the very end hashes by key. */
import { PgtrekError } from '../../contract/errors.js';
import type { Session } from '../session.js';
import { whereOf } from './tables.js';
import type { ComparedTable, End } from './tables.js';

export interface Ends {
  source: Session;
  target: Session;
}

/** Of rows: equal ones have equal sums, in whatever order they are read. */
export interface Sums {
  rows: bigint;
  sum: string;
}

/** How a text is hashed, alike on both ends. */
export type Hash = (text: string, seed: number) => string;

/** Jenkins' lookup3, the same in all versions from 11 on; on processors of another byte order it is another. */
const FAST: Hash = (text, seed) => `hashtextextended((${text}) COLLATE "C", ${String(seed)})`;

const PORTABLE: Hash = (text, seed) =>
  `('x' || substr(md5('${String(seed)}' || (${text})), 1, 16))::bit(64)::bigint`;

/** Bytes that do not depend on the encoding of the database. */
const inUtf8 =
  (hash: Hash): Hash =>
  (text, seed) =>
    hash(`encode(convert_to(${text}, 'UTF8'), 'escape')`, seed);

/** `lc_monetary` and the like are set by `prepare`; the rest by every session of ours. */
const PROBE_SQL = `
  SELECT /* pgtrek: probe-hash */ ${FAST(`'pgtrek: häsh'`, 7)}::text AS hash,
    ${FAST(`'pgtrek'`, 7)}::text AS ascii, current_setting('server_encoding') AS encoding`;

/** The cheapest hash of a text that is the same on both ends. */
export async function chooseHash({ source, target }: Ends): Promise<Hash> {
  const probe = (session: Session) =>
    session.one<{ hash: string; ascii: string; encoding: string }>(PROBE_SQL);
  const [here, there] = [await probe(source), await probe(target)];
  const hash = here.ascii === there.ascii ? FAST : PORTABLE;
  return here.encoding === there.encoding ? hash : inUtf8(hash);
}

/**
 * What text means beyond the settings of every session; and plans that read a range by its index, and leave the other
 * cores to the server's users.
 */
const SETTINGS_SQL = `
  SELECT /* pgtrek: prepare-verify */ set_config(name, value, false)
  FROM (VALUES
    ('lc_monetary', 'C'), ('xmlbinary', 'base64'), ('quote_all_identifiers', 'off'),
    ('jit', 'off'), ('enable_seqscan', 'off'), ('max_parallel_workers_per_gather', '0'), ('work_mem', '32MB')
  ) AS wanted (name, value)`;

export async function prepare(session: Session): Promise<void> {
  await session.query(SETTINGS_SQL);
}

/** One table with the hash that both ends share. */
export interface Content {
  table: ComparedTable;
  hash: Hash;
}

/** ROW()::text tells NULL from an empty text, and quotes what would run together. */
function rowText({ table }: Content): string {
  return `ROW(${table.values.join(', ')})::text`;
}

function keyText({ table }: Content): string {
  const { key = [] } = table;
  return key.length === 1
    ? `${key[0]?.name ?? ''}::text`
    : `ROW(${key.map(({ name }) => name).join(', ')})::text`;
}

function rowHash(content: Content): string {
  return content.hash(rowText(content), 0);
}

/** Rows without a key are known by their hash. */
export function bucketOf(content: Content, { seed, buckets }: { seed: number; buckets: number }): string {
  const text = content.table.key ? keyText(content) : rowText(content);
  return `(${content.hash(text, seed)} & ${String(buckets - 1)})`;
}

function fromWhere({ table }: Content, end: End, conditions: string[]): string {
  return `FROM ${table.from[end]}${whereOf(conditions, end === 'source' ? table.filter : '')}`;
}

function sumOf(content: Content): string {
  return `count(*)::text AS rows, coalesce(sum(${rowHash(content)}), 0)::text AS sum`;
}

type SumsText = Record<'rows' | 'sum', string>;

export async function readSums(session: Session, content: Content, conditions: string[]): Promise<Sums> {
  const { rows, sum } = await session.one<SumsText>(
    `SELECT /* pgtrek: read-sums */ ${sumOf(content)} ${fromWhere(content, endOf(session), conditions)}`,
  );
  return { rows: BigInt(rows), sum };
}

/** By number; without those that have no row. */
export async function readBuckets(
  session: Session,
  content: Content,
  { conditions, bucket }: { conditions: string[]; bucket: string },
): Promise<Map<number, Sums>> {
  const found = await session.query<SumsText & { bucket: string }>(
    `SELECT /* pgtrek: read-buckets */ ${bucket} AS bucket, ${sumOf(content)}
     ${fromWhere(content, endOf(session), conditions)} GROUP BY 1`,
  );
  return new Map(found.map(({ bucket: n, rows, sum }) => [Number(n), { rows: BigInt(rows), sum }]));
}

export function endOf({ endpoint }: Session): End {
  return endpoint.end;
}

/** A row as far as it is compared: another version was written by another transaction. */
export interface SeenRow {
  key: string[];
  hash: string;
  version: string;
}

/** By the key's text. */
export type SeenRows = Map<string, SeenRow>;

function seenOf(rows: SeenRow[]): SeenRows {
  return new Map(rows.map((row) => [JSON.stringify(row.key), row]));
}

/** Rows without a key: one for all that are alike, whose hash is their number. */
export async function listRows(session: Session, content: Content, conditions: string[]): Promise<SeenRows> {
  const { key } = content.table;
  const rest = fromWhere(content, endOf(session), conditions);
  const select = key
    ? `SELECT /* pgtrek: list-rows */ ARRAY[${key.map(({ name }) => `${name}::text`).join(', ')}] AS key,
         ${rowHash(content)}::text AS hash, xmin::text AS version ${rest}`
    : `SELECT /* pgtrek: list-rows */ ARRAY[${rowHash(content)}::text] AS key, count(*)::text AS hash,
         sum(xmin::text::bigint)::text AS version ${rest} GROUP BY 1`;
  return seenOf(await session.query<SeenRow & Record<string, unknown>>(select));
}

/** $1, $2, … hold the columns of the keys. Columns of other names than `pgtrek_n` are the table's. */
export function keysJoin({ key = [] }: ComparedTable): { from: string; where: string } {
  const names = key.map((_, at) => `pgtrek_${String(at + 1)}`);
  return {
    from: `unnest(${names.map((_, at) => `$${String(at + 1)}::text[]`).join(', ')}) AS pgtrek_key (${names.join(', ')})`,
    where: key
      .map(({ name, type, isPlain }, at) =>
        isPlain ? `${name} = ${names[at] ?? ''}::${type}` : `${name}::text = ${names[at] ?? ''}`,
      )
      .join(' AND '),
  };
}

export function keyValues({ key = [] }: ComparedTable, keys: string[][]): string[][] {
  return key.map((_, at) => keys.map((values) => values[at] ?? ''));
}

/** By equality of the key alone: no order of any collation matters. */
export async function lookUpRows(session: Session, content: Content, keys: string[][]): Promise<SeenRows> {
  const { table } = content;
  if (!table.key)
    throw new PgtrekError('INTERNAL_ERROR', `${table.qualified} has no key to look rows up by.`);
  const { from, where } = keysJoin(table);
  const end = endOf(session);
  return seenOf(
    await session.query<SeenRow & Record<string, unknown>>(
      `SELECT /* pgtrek: look-up-rows */ ARRAY[${table.key.map(({ name }) => `${name}::text`).join(', ')}] AS key,
         ${rowHash(content)}::text AS hash, xmin::text AS version
       FROM ${table.from[end]}, ${from}${whereOf([where], end === 'source' ? table.filter : '')}`,
      keyValues(table, keys),
    ),
  );
}
