/** Reads what the catalogs hold: a digest of all, digests by relation, and the objects themselves. */
import type { Session } from '../session.js';
import { digestSql, itemsSql, relationDigestsSql } from './catalog-part.js';
import type { CatalogPart } from './catalog-part.js';
import { databaseParts } from './database-parts.js';
import { relationParts } from './relation-parts.js';
import { tableParts } from './table-parts.js';

/** One object of the schema, as far as it is compared. */
export interface SchemaItem {
  /** Kind and oids: kept by a rename. */
  id: string;
  kind: string;
  /** Oid of the relation that it belongs to; 0: of none. */
  rel: number;
  /** Id of the object that it comes and goes with; '': of none. */
  container: string;
  /** Another one is a rename. */
  label: string;
  /** By which it is known again when it was dropped and made anew. */
  known: string;
  /** Others are a change, unless the definition is the same. */
  raw: string;
  /** Quoted, as SQL names it. */
  name: string;
  /** For people; null where the kind has none, or it could not be read. */
  definition: string | null;
  /** Name of the owner. */
  role: string | null;
  /** Null: standard privileges. */
  acl: string | null;
  /** A 64-bit integer. */
  hash: string;
}

function partsFor({ version }: Session): CatalogPart[] {
  return [...relationParts(version), ...tableParts(version), ...databaseParts()];
}

/** A large catalog passes the threshold of JIT, and dozens of small branches would be compiled for one run. */
async function withoutJit(session: Session): Promise<void> {
  await session.query(`SELECT set_config('jit', 'off', false)`);
}

/** Changes with every change of the schema, on this server alone. Reads nothing that needs a privilege or waits. */
export async function readDigest(source: Session): Promise<string> {
  await withoutJit(source);
  const { digest } = await source.one<{ digest: string }>(digestSql(partsFor(source)));
  return digest;
}

/** By oid of the relation; 0: what belongs to none. */
export async function readRelationDigests(source: Session): Promise<Map<number, string>> {
  await withoutJit(source);
  const rows = await source.query<{ rel: number; digest: string }>(relationDigestsSql(partsFor(source)));
  return new Map(rows.map(({ rel, digest }) => [rel, digest]));
}

/** Definitions of views and defaults wait where somebody holds the table; they are worth no more than this. */
const LOCK_TIMEOUT = '3s';

export interface SchemaReading {
  items: SchemaItem[];
  /** False when the definitions could not be read. */
  complete: boolean;
}

/**
 * Inside a transaction. Definitions are read by functions that look at the newest catalogs whatever the snapshot says,
 * and may fail where an object is just being dropped: then all come without.
 */
export async function readItems(source: Session, relations: number[] | null): Promise<SchemaReading> {
  await withoutJit(source);
  const parts = partsFor(source);
  const read = (withDefinitions: boolean) =>
    source.query<SchemaItem & Record<string, unknown>>(itemsSql(parts, withDefinitions), [relations]);
  await source.query(`SAVEPOINT definitions`);
  try {
    await source.query(`SELECT set_config('lock_timeout', $1, true)`, [LOCK_TIMEOUT]);
    const items = await read(true);
    // A subtransaction exports no snapshot.
    await source.query('RELEASE SAVEPOINT definitions');
    return { items, complete: true };
  } catch {
    // A lost connection fails here once more.
    await source.query('ROLLBACK TO SAVEPOINT definitions');
    await source.query('RELEASE SAVEPOINT definitions');
    return { items: await read(false), complete: false };
  }
}
