import type { Client, QueryResult } from 'pg';
import { buildInsert, buildRowChange, buildTruncate } from './change-sql.js';
import type { ReplayStatement } from './change-sql.js';
import type { DecodedTransaction } from './change-stream.js';
import { parseChange } from './decoded-change.js';
import type { DecodedChange, DecodedColumn, TableName } from './decoded-change.js';
import { quoteTable, readRowlessNames, readTableShapes } from './table-shape.js';
import type { TableShape } from './table-shape.js';

// As many as fit into memory with ease; the order of transactions matters inside one table only.
const TRANSACTIONS_PER_ROUND = 5_000;
// Rows of one INSERT, statements of one round trip: enough to make the round trips cheap.
const ROWS_PER_INSERT = 500;
const STATEMENTS_PER_QUERY = 1_000;

const KEPT_PROBLEMS = 5;

// Triggers and foreign keys of the baseline stay silent: what they did on the source is in the WAL itself.
const BEGIN = `
  /* pgtrek: oracle */
  BEGIN;
  SET LOCAL session_replication_role = replica;
  SET LOCAL synchronous_commit = off`;

/**
 * Applies the transactions to the baseline, in one transaction. Returns what contradicts the baseline; then nothing
 * was applied.
 */
export async function replay(client: Client, transactions: DecodedTransaction[]): Promise<string[]> {
  const problems: string[] = [];
  const shapes = await readTableShapes(client, { withUnlogged: false });
  const rowless = await readRowlessNames(client);
  await client.query(BEGIN);
  try {
    for (let from = 0; from < transactions.length; from += TRANSACTIONS_PER_ROUND) {
      const plan = new ReplayPlan(shapes, rowless);
      for (const { lines } of transactions.slice(from, from + TRANSACTIONS_PER_ROUND)) plan.addAll(lines);
      problems.push(...plan.problems, ...(await execute(client, plan.statements())));
      if (problems.length > 0) break;
    }
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  await client.query(problems.length > 0 ? 'ROLLBACK' : 'COMMIT');
  return problems.slice(0, KEPT_PROBLEMS).map((problem) => `replay: ${problem}`);
}

async function execute(client: Client, statements: ReplayStatement[]): Promise<string[]> {
  const problems: string[] = [];
  for (let from = 0; from < statements.length; from += STATEMENTS_PER_QUERY) {
    const batch = statements.slice(from, from + STATEMENTS_PER_QUERY);
    const answer: QueryResult | QueryResult[] = await client.query(batch.map(({ text }) => text).join(';\n'));
    const results = [answer].flat();
    batch.forEach(({ text, expected }, index) => {
      const changed = results[index]?.rowCount;
      if (expected === undefined || changed === expected) return;
      problems.push(`${String(changed)} rows instead of ${expected} were changed by ${text.slice(0, 300)}`);
    });
  }
  return problems;
}

/** The changes by table: as no trigger fires, those of different tables commute, and inserts can be gathered. */
class ReplayPlan {
  readonly problems: string[] = [];
  readonly #shapes: Map<string, TableShape>;
  readonly #rowless: Set<string>;
  readonly #queues = new Map<string, TableQueue>();

  constructor(shapes: Map<string, TableShape>, rowless: Set<string>) {
    this.#shapes = shapes;
    this.#rowless = rowless;
  }

  addAll(lines: string[]): void {
    for (const line of lines) {
      const change = parseChange(line);
      if (change) this.#add(change);
    }
  }

  statements(): ReplayStatement[] {
    return [...this.#queues.values()].flatMap((queue) => queue.close());
  }

  #add(change: DecodedChange): void {
    const names = change.operation === 'truncate' ? change.on : [change.on];
    for (const name of names) this.#queueOf(name)?.add(change);
  }

  #queueOf(name: TableName): TableQueue | undefined {
    if (name.schema === 'pgtrek') return undefined;
    const quoted = quoteTable(name);
    const known = this.#queues.get(quoted);
    if (known) return known;
    const shape = this.#shapes.get(quoted);
    if (shape === undefined) {
      if (!this.#rowless.has(quoted))
        this.problems.push(`${quoted} did not exist when the baseline was made`);
      return undefined;
    }
    const queue = new TableQueue(shape);
    this.#queues.set(quoted, queue);
    return queue;
  }
}

class TableQueue {
  readonly #shape: TableShape;
  readonly #statements: ReplayStatement[] = [];
  #inserts: DecodedColumn[][] = [];

  constructor(shape: TableShape) {
    this.#shape = shape;
  }

  add(change: DecodedChange): void {
    if (change.operation === 'insert') {
      this.#inserts.push(change.row);
      if (this.#inserts.length >= ROWS_PER_INSERT) this.#flush();
      return;
    }
    this.#flush();
    const statement =
      change.operation === 'truncate' ? buildTruncate(this.#shape) : buildRowChange(this.#shape, change);
    if (statement) this.#statements.push(statement);
  }

  close(): ReplayStatement[] {
    this.#flush();
    return this.#statements;
  }

  #flush(): void {
    if (this.#inserts.length > 0) this.#statements.push(buildInsert(this.#shape, this.#inserts));
    this.#inserts = [];
  }
}
