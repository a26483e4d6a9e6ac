/** A foreign key that the data of the source breaks, in words: which rows, and what is left to do. */
import type { Session } from '../session.js';

export interface BrokenKey {
  qualified: string;
  constraint_name: string;
  definition: string;
  /** The table that it refers to. */
  referenced: string;
  /** Reads the values that lack a partner, as text; null where none was made. */
  violations_sql: string | null;
}

/** Nobody mends more than these one by one, and reading on may take as long as the check did. */
const COUNTED = 1_000;
const SHOWN = 5;

/**
 * `reason`: what the server said, for when no row can be named. `whyMissing`: why the key was not made at all; else it is on the
 * target, NOT VALID. Values are cut at 60 characters.
 */
export async function describeViolation(
  target: Session,
  key: BrokenKey,
  { reason, whyMissing }: { reason: string; whyMissing: string | undefined },
): Promise<string> {
  const { qualified, constraint_name, definition } = key;
  const what = `Foreign key ${constraint_name} of ${qualified}: ${(await readRows(target, key)) ?? reason.replace(/\.$/, '')}.`;
  return whyMissing === undefined
    ? `${what} It stays NOT VALID. Once they are mended: ALTER TABLE ${qualified} VALIDATE CONSTRAINT ${constraint_name};`
    : `${what} It was not made, as ${whyMissing}. Once they are mended: ALTER TABLE ${qualified} ADD CONSTRAINT ${constraint_name} ${definition};`;
}

/** Undefined for a kind of key that cannot be counted, and when all rows have a partner by now. */
async function readRows(target: Session, key: BrokenKey): Promise<string | undefined> {
  if (key.violations_sql === null) return undefined;
  const { rows, examples } = await target.one<{ rows: number; examples: string[] }>(`
    WITH lacking AS MATERIALIZED (${key.violations_sql} LIMIT ${String(COUNTED + 1)})
    SELECT /* pgtrek: read-violations */ count(*)::int AS rows,
      ARRAY(SELECT DISTINCT value FROM lacking ORDER BY value LIMIT ${String(SHOWN)}) AS examples
    FROM lacking`);
  if (rows === 0) return undefined;
  const columns = /^FOREIGN KEY (\(.*?\)) REFERENCES /.exec(key.definition)?.[1] ?? 'the key';
  return `${count(rows)} no partner in ${key.referenced}, ${columns} = ${examples.join(', ')}`;
}

function count(rows: number): string {
  if (rows > COUNTED) return `more than ${COUNTED.toLocaleString('en')} rows have`;
  return rows === 1 ? '1 row has' : `${rows.toLocaleString('en')} rows have`;
}
