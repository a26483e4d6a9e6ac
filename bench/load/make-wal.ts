import type { Cluster } from '../../dev/cluster.js';
import { query } from './sql.js';

const MESSAGE_BYTES = 1_000_000;
// Rows, indexes and images of full pages, together.
const WAL_OF_A_BYTE = 1.5;

/**
 * A new server creates every segment of WAL as it goes, which costs the first run about 4 s for each GB; later ones write into those of the run
 * before. After this all write into old ones.
 */
export async function makeWal(target: Cluster, { sourceBytes }: { sourceBytes: number }): Promise<void> {
  await query(
    target.connection(),
    `SELECT count(pg_logical_emit_message(false, 'bench', repeat('x', ${MESSAGE_BYTES}))) FROM generate_series(1, $1::int)`,
    [Math.ceil((sourceBytes * WAL_OF_A_BYTE) / MESSAGE_BYTES)],
  );
  await query(target.connection(), 'CHECKPOINT');
}
