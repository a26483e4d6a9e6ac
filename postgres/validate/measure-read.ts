/** How fast this worker reads the source over this network: a second of COPY from its largest table, thrown away. */
import type { Readable } from 'node:stream';
import { to as copyTo } from 'pg-copy-streams';
import { sqlState } from '../classify-error.js';
import type { Relation } from '../selection.js';
import { withSession } from '../session.js';
import type { Session, SessionOptions } from '../session.js';
import type { OnSource } from './check.js';

// A smaller one is read before a connection has come to its speed, and is no matter.
const WORTH_BYTES = 64 * 1024 ** 2;
const FOR_MS = 1_000;
// A network that stands still lets no statement time out.
const AT_MOST_MS = 3_000;
// Below that, buffers have been read and no network.
const AT_LEAST_MS = 100;
const ROWS_COUNTED_BYTES = 1024 ** 2;

export interface ReadSpeed {
  /** Of the table as it lies on disk, by one reader. */
  bytesPerSecond: number;
  table: string;
}

// The server ends the COPY by itself. Others must not wait behind a lock that it waits for.
const SETTINGS_SQL = `
  SELECT /* pgtrek: validate read speed settings */ set_config('statement_timeout', '${FOR_MS}ms', false),
    set_config('lock_timeout', '100ms', false), set_config('default_transaction_read_only', 'on', false)`;

/** Undefined where nothing is worth it, or may not be read: a check tells of that. */
export async function measureRead(
  { source, selection }: OnSource,
  options: SessionOptions,
): Promise<ReadSpeed | undefined> {
  const table = largestOf(selection.selected.filter(({ oid }) => !selection.withoutData.has(oid)));
  if (!table || Number(table.bytes) < WORTH_BYTES) return undefined;
  const sample = await withSession(source.endpoint, options, async (session) => {
    await session.query(SETTINGS_SQL);
    return readFor(session, `COPY /* pgtrek: validate read speed */ ${table.qualified} TO STDOUT`);
  }).catch(() => undefined);
  if (!sample || sample.ms < AT_LEAST_MS) return undefined;
  const onDisk = table.estimatedRows > 0 ? Number(table.bytes) / table.estimatedRows : sample.bytesOfRow;
  const rowsPerSecond = sample.bytes / sample.bytesOfRow / (sample.ms / 1_000);
  return { bytesPerSecond: rowsPerSecond * onDisk, table: table.qualified };
}

function largestOf(relations: Relation[]): Relation | undefined {
  return relations
    .filter(({ kind }) => kind === 'r')
    .reduce<Relation | undefined>(
      (largest, each) => (largest && Number(largest.bytes) >= Number(each.bytes) ? largest : each),
      undefined,
    );
}

interface Sample {
  bytes: number;
  /** From the first bytes on: what went before was planning. */
  ms: number;
  /** As text, on average. */
  bytesOfRow: number;
}

async function readFor(session: Session, sql: string): Promise<Sample | undefined> {
  const stream: Readable = session.client.query(copyTo(sql));
  const deadline = setTimeout(() => session.destroy(), AT_MOST_MS);
  let [bytes, rows, counted, begun, last] = [0, 0, 0, 0, 0];
  stream.on('data', (chunk: Buffer) => {
    last = performance.now();
    if (begun === 0) begun = last;
    bytes += chunk.length;
    if (counted >= ROWS_COUNTED_BYTES) return;
    counted += chunk.length;
    // A line break within a value is written as \n.
    for (const byte of chunk) if (byte === 10) rows += 1;
  });
  try {
    await new Promise<void>((resolve, reject) => stream.once('end', resolve).once('error', reject));
  } catch (error) {
    if (sqlState(error) !== '57014') return undefined;
  } finally {
    clearTimeout(deadline);
  }
  return rows === 0 ? undefined : { bytes, ms: last - begun, bytesOfRow: counted / rows };
}
