/** The fingerprint of the schema that the target has: taken when it is dumped, kept in the ledger. */
import { createHash } from 'node:crypto';
import type { Session } from '../session.js';
import { readDigest, readItems, readRelationDigests } from './read-items.js';
import type { SchemaItem } from './read-items.js';

export interface Fingerprint {
  /** Of everything that the source holds, selected or not: equal means that nothing has changed. */
  digest: string;
  /** Selected relations, what stands on them, and what belongs to no relation. */
  items: SchemaItem[];
}

/** Inside a transaction with one snapshot. `selected`: oids of the selected relations. */
export async function takeFingerprint(source: Session, selected: Iterable<number>): Promise<Fingerprint> {
  const wanted = new Set([0, ...selected]);
  const { items } = await readItems(source, null);
  return { digest: await readDigest(source), items: items.filter(({ rel }) => wanted.has(rel)) };
}

/**
 * After that transaction, which may have been long: definitions are those of the newest catalogs, and so may be newer
 * than the snapshot. They are forgotten where the schema has changed since, or a change would be taken for none.
 */
export async function forgetNewerDefinitions(
  source: Session,
  { digest, items }: Fingerprint,
): Promise<Fingerprint> {
  if ((await readDigest(source)) === digest) return { digest, items };
  const now = await readRelationDigests(source);
  const taken = digestsOf(items);
  return {
    digest,
    items: items.map((item) =>
      now.get(item.rel) === taken.get(item.rel) ? item : { ...item, definition: null },
    ),
  };
}

/** As readRelationDigests makes them. */
function digestsOf(items: SchemaItem[]): Map<number, string> {
  const sums = new Map<number, { count: number; sum: bigint }>();
  for (const { rel, hash } of items) {
    const { count, sum } = sums.get(rel) ?? { count: 0, sum: 0n };
    sums.set(rel, { count: count + 1, sum: sum + BigInt(hash) });
  }
  return new Map([...sums].map(([rel, { count, sum }]) => [rel, `${String(count)}:${String(sum)}`]));
}

/** Bodies of functions are compared, never shown: so much of a text tells whether it is the same. */
const KEPT = 500;

/** What the ledger keeps of a definition. */
export function shortened(item: SchemaItem): SchemaItem {
  const { definition } = item;
  if (definition === null || definition.length <= KEPT) return item;
  return {
    ...item,
    definition: definition.slice(0, KEPT) + createHash('md5').update(definition).digest('hex'),
  };
}

const ITEMS_SQL = `
  INSERT /* pgtrek: write-schema-items */ INTO pgtrek.schema_item
    (owner, id, kind, rel, container, label, known, raw, name, definition, role, acl, hash)
  SELECT $1, i.* FROM jsonb_to_recordset($2::jsonb) AS i (id text, kind text, rel oid, container text, label text,
    known text, raw text, name text, definition text, role text, acl text, hash bigint)`;

/** A row is some 300 bytes: a statement stays far below the limit of jsonb. */
const ROWS_A_STATEMENT = 20_000;

/** Inside a transaction of the ledger. What the owner had before is replaced. */
export async function writeFingerprint(
  target: Session,
  owner: string,
  { digest, items }: Fingerprint,
): Promise<void> {
  await target.query('DELETE FROM pgtrek.schema_item WHERE owner = $1', [owner]);
  await target.query(
    `INSERT INTO pgtrek.fingerprint (owner, digest) VALUES ($1, $2)
     ON CONFLICT (owner) DO UPDATE SET digest = excluded.digest, taken_at = now()`,
    [owner, digest],
  );
  for (let at = 0; at < items.length; at += ROWS_A_STATEMENT) {
    const rows = items.slice(at, at + ROWS_A_STATEMENT).map(shortened);
    await target.query(ITEMS_SQL, [owner, JSON.stringify(rows)]);
  }
}

/** Undefined when the schema was dumped by a version of pgtrek that took no fingerprint. */
export async function readStoredDigest(target: Session, owner: string): Promise<string | undefined> {
  const { found } = await target.one<{ found: boolean }>(
    `SELECT /* pgtrek: find-fingerprint */ to_regclass('pgtrek.fingerprint') IS NOT NULL AS found`,
  );
  if (!found) return undefined;
  const [row] = await target.query<{ digest: string }>(
    'SELECT /* pgtrek: read-fingerprint */ digest FROM pgtrek.fingerprint WHERE owner = $1',
    [owner],
  );
  return row?.digest;
}

const STORED_DIGESTS_SQL = `
  SELECT /* pgtrek: read-stored-digests */ rel, concat(count(*), ':', sum(hash)) AS digest
  FROM pgtrek.schema_item WHERE owner = $1 GROUP BY rel`;

export async function readStoredDigests(target: Session, owner: string): Promise<Map<number, string>> {
  const rows = await target.query<{ rel: number; digest: string }>(STORED_DIGESTS_SQL, [owner]);
  return new Map(rows.map(({ rel, digest }) => [rel, digest]));
}

const STORED_ITEMS_SQL = `
  SELECT /* pgtrek: read-stored-items */ id, kind, rel, container, label, known, raw, name, definition, role, acl, hash
  FROM pgtrek.schema_item WHERE owner = $1 AND rel = ANY ($2::oid[])`;

export function readStoredItems(target: Session, owner: string, relations: number[]): Promise<SchemaItem[]> {
  return target.query<SchemaItem & Record<string, unknown>>(STORED_ITEMS_SQL, [owner, relations]);
}
