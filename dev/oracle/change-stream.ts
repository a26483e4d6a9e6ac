import type { Client } from 'pg';
import { parseChange } from './decoded-change.js';

/** One committed transaction of the source, in the order of commits. */
export interface DecodedTransaction {
  xid: string;
  /** Lines of test_decoding without BEGIN and COMMIT. */
  lines: string[];
}

export interface Marker {
  /** The journal table in schema pgtrek, e.g. pgtrek_orders_1. */
  lane: string;
  /** The id of the marker's row in it. */
  id: string;
}

// Rows of one answer; a transaction is never split, so a larger one makes a larger answer.
const LINES_PER_READ = 50_000;

const CREATE_SLOT = `
  /* pgtrek: oracle */
  SELECT pg_create_logical_replication_slot($1, 'test_decoding')`;

const DROP_SLOT = `
  /* pgtrek: oracle */
  SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1`;

// Its commit flushes the WAL: one with synchronous_commit = off before it would not be decoded yet.
const MARK_END = `
  /* pgtrek: oracle */
  SELECT pg_logical_emit_message(true, 'oracle', 'end')::text AS lsn`;

const READ_CHANGES = `
  /* pgtrek: oracle */
  SELECT data FROM pg_logical_slot_get_changes($1, $2::pg_lsn, $3, 'include-xids', '1', 'skip-empty-xacts', '1')`;

export async function createSlot(client: Client, slot: string): Promise<void> {
  await client.query(CREATE_SLOT, [slot]);
}

export async function dropSlot(client: Client, slot: string): Promise<void> {
  await client.query(DROP_SLOT, [slot]);
}

/** Takes everything out of the slot that was committed until now. */
export async function readTransactions(client: Client, slot: string): Promise<DecodedTransaction[]> {
  const end = (await client.query<{ lsn: string }>(MARK_END)).rows[0]?.lsn;
  const transactions: DecodedTransaction[] = [];
  for (;;) {
    const { rows } = await client.query<{ data: string }>(READ_CHANGES, [slot, end, LINES_PER_READ]);
    if (rows.length === 0) return transactions;
    for (const { data } of rows) {
      if (data.startsWith('BEGIN')) transactions.push({ xid: data.slice('BEGIN '.length), lines: [] });
      else if (!data.startsWith('COMMIT')) transactions.at(-1)?.lines.push(data);
    }
  }
}

/** Whether this transaction inserted the marker's row. */
export function holdsMarker({ lines }: DecodedTransaction, { lane, id }: Marker): boolean {
  const wanted = `'${id.replaceAll("'", "''")}'`;
  return lines.some((line) => {
    const change = isOurs(line) ? parseChange(line) : undefined;
    if (change?.operation !== 'insert' || change.on.table !== lane) return false;
    return change.row.some(({ name, literal }) => name === 'id' && literal === wanted);
  });
}

export function changesUserTables({ lines }: DecodedTransaction): boolean {
  return lines.some((line) => line.startsWith('table ') && !isOurs(line));
}

function isOurs(line: string): boolean {
  return line.startsWith('table pgtrek.');
}
