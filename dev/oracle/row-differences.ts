import type { Client } from 'pg';
import { escapeIdentifier } from 'pg';

export interface RowQuery {
  /** Quoted and with its schema. */
  table: string;
  columns: string[];
  /** SQL expression of the key's text; all columns where there is no key. */
  key: string;
  /** SQL expression of the row's text. */
  row: string;
}

// Enough to see what went wrong; the count says how many more there are.
const SHOWN_KEYS = 3;
const SHOWN_TEXT = 60;

/** Which rows are missing, extra or different, by their keys. Reads the keys of all rows. */
export async function describeDifferences(
  { expected, actual }: { expected: Client; actual: Client },
  query: RowQuery,
): Promise<string[]> {
  const [wanted, found] = await Promise.all([readHashes(expected, query), readHashes(actual, query)]);
  const missing: string[] = [];
  const different: string[] = [];
  for (const [key, hashes] of wanted) {
    const others = found.get(key);
    if (others === undefined || others.length < hashes.length) missing.push(key);
    else if (others.length === hashes.length && others.join() !== hashes.join()) different.push(key);
  }
  const extra = [...found].filter(([key, hashes]) => hashes.length > (wanted.get(key)?.length ?? 0));
  const values: string[] = [];
  for (const key of different.slice(0, SHOWN_KEYS)) {
    values.push(await describeValues({ expected, actual }, { query, key }));
  }
  return [
    ...describeKeys('missing', missing),
    ...describeKeys(
      'extra',
      extra.map(([key]) => key),
    ),
    ...describeKeys('different', different),
    ...values,
  ];
}

function describeKeys(what: string, keys: string[]): string[] {
  if (keys.length === 0) return [];
  const shown = keys.slice(0, SHOWN_KEYS).map(shorten).join(', ');
  return [`${what}: ${shown}${keys.length > SHOWN_KEYS ? ` and ${keys.length - SHOWN_KEYS} more` : ''}`];
}

/** The rows' hashes by key. A key of a table without one, or on a target whose index is missing, can have several. */
async function readHashes(client: Client, { table, key, row }: RowQuery): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ key: string; hash: string }>(`
    /* pgtrek: oracle */
    SELECT ${key} AS key, md5(${row}) AS hash FROM ONLY ${table} ORDER BY hash`);
  const hashes = new Map<string, string[]>();
  for (const { key: name, hash } of rows) {
    const same = hashes.get(name);
    if (same) same.push(hash);
    else hashes.set(name, [hash]);
  }
  return hashes;
}

async function describeValues(
  { expected, actual }: { expected: Client; actual: Client },
  { query, key }: { query: RowQuery; key: string },
): Promise<string> {
  const [wanted, found] = await Promise.all([
    readValues(expected, query, key),
    readValues(actual, query, key),
  ]);
  const changed = query.columns.flatMap((name, index) => {
    if (wanted[index] === found[index]) return [];
    return `${name} is ${show(found[index])} instead of ${show(wanted[index])}`;
  });
  return `${shorten(key)}: ${changed.join(', ')}`;
}

async function readValues(client: Client, query: RowQuery, key: string): Promise<(string | null)[]> {
  const columns = query.columns.map((name) => `${escapeIdentifier(name)}::text`).join(', ');
  const { rows } = await client.query<(string | null)[]>({
    text: `
      /* pgtrek: oracle */
      SELECT ${columns} FROM ONLY ${query.table} WHERE ${query.key} = $1 ORDER BY md5(${query.row}) LIMIT 1`,
    values: [key],
    rowMode: 'array',
  });
  return rows[0] ?? [];
}

function show(value: string | null | undefined): string {
  return value === null || value === undefined ? 'NULL' : `'${shorten(value)}'`;
}

function shorten(text: string): string {
  return text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text;
}
