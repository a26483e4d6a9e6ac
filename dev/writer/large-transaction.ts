import { Client } from 'pg';
import type { ClientConfig } from 'pg';

export interface LargeTransactionOptions {
  /** Default: 200,000, which is more than logical_decoding_work_mem holds by default. */
  rows?: number;
  /** Runs in the middle, while the transaction is open. */
  during?: () => Promise<void>;
}

const COUNT_LINES = `
  /* pgtrek: large transaction */
  INSERT INTO public.stock_take (batch, line, counted, note)
  SELECT txid_current(), line, line % 50, 'counted by ' || line % 24
  FROM generate_series($1::integer, $2::integer) AS line`;

const CORRECT_LINES = `
  /* pgtrek: large transaction */
  UPDATE public.stock_take SET counted = counted + 1
  WHERE batch = txid_current() AND line % 10 = 0`;

const LOG = `
  /* pgtrek: large transaction */
  INSERT INTO public.writer_log (worker, note) VALUES (-1, 'large')`;

/** One transaction of the sample that inserts `rows` rows, updates every tenth and logs itself like any of the writer's. */
export async function runLargeTransaction(
  connection: ClientConfig,
  { rows = 200_000, during }: LargeTransactionOptions = {},
): Promise<void> {
  const half = Math.ceil(rows / 2);
  const client = new Client({ application_name: 'pgtrek writer', ...connection });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query(COUNT_LINES, [1, half]);
    await during?.();
    await client.query(COUNT_LINES, [half + 1, rows]);
    await client.query(CORRECT_LINES);
    await client.query(LOG);
    await client.query('COMMIT');
  } finally {
    // Ends the transaction too where one is still open.
    await client.end().catch(() => undefined);
  }
}
