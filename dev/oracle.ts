import type { ClientConfig } from 'pg';
import { createBaseline, dropBaseline } from './oracle/baseline.js';
import type { Baseline } from './oracle/baseline.js';
import { changesUserTables, holdsMarker, readTransactions } from './oracle/change-stream.js';
import type { DecodedTransaction, Marker } from './oracle/change-stream.js';
import { withSnapshots } from './oracle/compare-databases.js';
import { compareRows } from './oracle/compare-rows.js';
import { replay } from './oracle/replay.js';
import { checkBalances, checkLog, collectLogIds, readLogIds } from './oracle/sample-checks.js';
import { withSession } from './oracle/session.js';

export { compareDatabases } from './oracle/compare-databases.js';
export type { Marker } from './oracle/change-stream.js';

export interface VerifyOptions {
  target: ClientConfig;
  marker: Marker;
  /** Compares the tables of these schemas only. Default: all but pgtrek. */
  schemas?: string[];
}

export interface OracleReport {
  /** The target holds everything that was committed up to the marker, and nothing else. */
  exact: boolean;
  /** Transactions that changed user tables, since the oracle was made; the marker's own is not one. */
  commitsUpToMarker: number;
  commitsAfterMarker: number;
  rowsCompared: number;
  tablesCompared: number;
  problems: string[];
}

/** Proves without any of pgtrek's code that a target equals the source as of a marker. */
export interface Oracle {
  /** Once for each marker or more often; markers in the order of their commits. */
  verify(options: VerifyOptions): Promise<OracleReport>;
  /** Drops the slot and the baseline database. */
  drop(): Promise<void>;
}

/**
 * Makes a slot with test_decoding and a copy of the source database, `<database>_oracle` on the same server. To be called
 * before migration and writer start, in a quiet moment: nobody is connected to the source database.
 *
 * @param options.source a superuser's connection to the source database
 */
export async function createOracle({ source }: { source: ClientConfig }): Promise<Oracle> {
  const baseline = await createBaseline(source);
  return new SlotOracle(baseline, await withSession(baseline.copy, readLogIds));
}

class SlotOracle implements Oracle {
  readonly #baseline: Baseline;
  /** Undefined for a database without writer_log. */
  readonly #logIds: Set<string> | undefined;
  /** Decoded, but not in the baseline yet. */
  #pending: DecodedTransaction[] = [];
  readonly #seen = new Set<string>();
  #marker: Marker | undefined;
  #commits = 0;

  constructor(baseline: Baseline, logIds: Set<string> | undefined) {
    this.#baseline = baseline;
    this.#logIds = logIds;
  }

  async verify({ target, marker, schemas }: VerifyOptions): Promise<OracleReport> {
    await this.#readPending();
    const problems = await this.#advanceTo(marker);
    // Against a baseline that stands elsewhere, differences would say nothing.
    const compared =
      problems.length === 0 ? await this.#compare(target, schemas) : { tables: 0, rows: 0, problems };
    return {
      exact: compared.problems.length === 0,
      commitsUpToMarker: this.#commits,
      commitsAfterMarker: this.#pending.filter(changesUserTables).length,
      rowsCompared: compared.rows,
      tablesCompared: compared.tables,
      problems: compared.problems,
    };
  }

  async drop(): Promise<void> {
    await dropBaseline(this.#baseline);
  }

  async #readPending(): Promise<void> {
    const { source, slot } = this.#baseline;
    for (const transaction of await withSession(source, (client) => readTransactions(client, slot))) {
      // A slot's position is saved at checkpoints only: after a crash it shows again what was read before.
      if (this.#seen.has(transaction.xid)) continue;
      this.#seen.add(transaction.xid);
      this.#pending.push(transaction);
    }
  }

  /** Brings the baseline to the marker. */
  async #advanceTo(marker: Marker): Promise<string[]> {
    if (this.#marker?.lane === marker.lane && this.#marker.id === marker.id) return [];
    const last = this.#pending.findIndex((transaction) => holdsMarker(transaction, marker));
    if (last < 0) {
      return [
        `marker ${marker.id} was not committed in pgtrek.${marker.lane} among ${this.#pending.length} transactions`,
      ];
    }
    const transactions = this.#pending.slice(0, last + 1);
    const problems = await withSession(this.#baseline.copy, (client) => replay(client, transactions));
    if (problems.length > 0) return problems;
    this.#pending = this.#pending.slice(last + 1);
    this.#marker = marker;
    this.#commits += transactions.filter(changesUserTables).length;
    for (const id of collectLogIds(transactions)) this.#logIds?.add(id);
    return [];
  }

  async #compare(target: ClientConfig, schemas: string[] | undefined) {
    return withSnapshots(this.#baseline.copy, target, async (sides) => {
      const { tables, rows, problems } = await compareRows(sides, { schemas, withUnlogged: false });
      problems.unshift(...(await checkLog(sides.actual, this.#logIds)), ...(await checkBalances(sides)));
      return { tables, rows, problems };
    });
  }
}
