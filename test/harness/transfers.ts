/** Two tables whose sums belong together, and clients that move amounts between them. */
import pg from 'pg';
import { query } from './world.js';

/** `big` has the more work and is copied first; with `splitSize: 8MB` it has three parts, and `small` two. */
export const TRANSFER_LOAD = { jobs: 1, splitSize: '8MB' } as const;

const TABLES_SQL = `
  CREATE TABLE public.big (id int PRIMARY KEY, amount bigint NOT NULL, filler text NOT NULL);
  INSERT INTO public.big SELECT i, 1000, repeat(md5(i::text), 8) FROM generate_series(1, 75000) AS i;
  CREATE TABLE public.small (id int PRIMARY KEY, big_id int NOT NULL REFERENCES public.big, amount bigint NOT NULL, filler text NOT NULL);
  INSERT INTO public.small SELECT i, i, 1000, repeat(md5(i::text), 8) FROM generate_series(1, 45000) AS i;
  CREATE TABLE public.transfer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int NOT NULL, at timestamptz NOT NULL DEFAULT now());
  ANALYZE`;

export async function createTransferTables(source: pg.ClientConfig): Promise<void> {
  await query(source, TABLES_SQL);
}

/** Of all amounts: right only if both tables stand at the same point. */
export const TRANSFER_SUM = '120000000';

export async function readSum(end: pg.ClientConfig): Promise<string> {
  const [row] = await query<{ sum: string }>(
    end,
    `SELECT ((SELECT sum(amount) FROM public.big) + (SELECT sum(amount) FROM public.small))::text AS sum`,
  );
  return row?.sum ?? '';
}

export interface Transfers {
  /** Ends after the running transactions; how many were committed. */
  stop: () => Promise<number>;
}

/** `statements` of one transaction; errors are what a test that changes the tables expects, and are passed over. */
export function startTransfers(source: pg.ClientConfig, connections = 3): Transfers {
  let isStopping = false;
  let committed = 0;
  const run = async () => {
    const client = new pg.Client(source);
    client.on('error', () => undefined);
    await client.connect();
    while (!isStopping) {
      try {
        await client.query(transferSql());
        committed += 1;
      } catch {
        await client.query('ROLLBACK');
      }
      // The oracle reads them all again, one after the other.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await client.end();
  };
  const running = Array.from({ length: connections }, run);
  return {
    stop: async () => {
      isStopping = true;
      await Promise.all(running);
      return committed;
    },
  };
}

function transferSql(): string {
  const amount = Math.floor(Math.random() * 100);
  const id = 1 + Math.floor(Math.random() * 45_000);
  return `
    BEGIN;
    UPDATE public.big SET amount = amount - ${String(amount)} WHERE id = ${String(id)};
    UPDATE public.small SET amount = amount + ${String(amount)} WHERE id = ${String(id)};
    INSERT INTO public.transfer (amount) VALUES (${String(amount)});
    COMMIT`;
}
