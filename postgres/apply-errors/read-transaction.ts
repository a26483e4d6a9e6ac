/** Reads the transaction that a lane would apply next: from its own slot, by its own publication, which stay as they are. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { LaneName, Lsn } from '../../contract/names.js';
import { compareLsn } from '../../contract/names.js';
import { sessionOptions } from '../job.js';
import type { Job } from '../job.js';
import { publicationOf, slotOf } from '../lane/lane-names.js';
import { openSession } from '../session.js';
import type { Session } from '../session.js';
import { parseMessage } from './pgoutput.js';
import type { Message, Relation, Tuple } from './pgoutput.js';

export type Change =
  | { operation: 'insert'; relation: Relation; row: Tuple }
  | { operation: 'update'; relation: Relation; old?: Tuple; row: Tuple }
  | { operation: 'delete'; relation: Relation; old: Tuple }
  /** `relation` is the first of them. */
  | { operation: 'truncate'; relation: Relation; relations: Relation[]; restartsSequences: boolean };

export interface SourceTransaction {
  xid: string;
  committedAt: string;
  /** End of its commit. */
  lsn: Lsn;
  /** All that it has. */
  count: number;
  /** The first of them, as many as fit. */
  changes: Change[];
}

/** Of one transaction as much is kept as a worker can hold in memory beside its other work; the rest is counted. */
const MOST_CHANGES = 10_000;
const MOST_BYTES = 32 * 1024 * 1024;
/** Counting a transaction of 100 GB takes longer; it is then too big to be looked at. */
const LONGEST_MS = 10 * 60_000;

/** application_name of the reader: an older one is ended by it. */
export const READER = 'apply-read';

const SETTINGS_SQL = `SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3`;

/**
 * The first transaction with changes that commits after `from`, just as the lane's apply worker would be sent it.
 * Undefined when there is none up to `upTo`. Nothing is confirmed, so that the slot stays where it is.
 */
export async function readTransaction(
  job: Job,
  lane: LaneName,
  { from, upTo }: { from: Lsn; upTo: Lsn },
): Promise<SourceTransaction | undefined> {
  const session = await openSession(job.servers.source, {
    ...sessionOptions(job, READER),
    replication: true,
  });
  try {
    await session.client.query(SETTINGS_SQL);
    const { observer } = job.servers;
    await observer?.('before', 'read-transaction');
    const publication = escapeLiteral(escapeIdentifier(publicationOf(job.spec, lane)));
    // A walsender's grammar knows no comments.
    const found = await stream(
      session,
      `START_REPLICATION SLOT ${escapeIdentifier(slotOf(job.spec, lane))} LOGICAL ${from}
         (proto_version '1', publication_names ${publication})`,
      upTo,
    );
    await observer?.('after', 'read-transaction');
    return found;
  } finally {
    // It would go on sending.
    session.destroy();
    await session.close();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** What pg has beside its types. */
interface CopyBoth {
  on(event: 'copyData', listener: (message: { chunk: Buffer }) => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
}

function stream(session: Session, command: string, upTo: Lsn): Promise<SourceTransaction | undefined> {
  const { connection } = session.client as unknown as { connection: CopyBoth };
  const collector = new Collector();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(new Error(`the next transaction was not read within ${String(LONGEST_MS / 60_000)} minutes`)),
      LONGEST_MS,
    );
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    connection.on('copyData', ({ chunk }) => {
      try {
        const letter = String.fromCharCode(chunk.readUInt8(0));
        if (letter === 'w' && collector.take(chunk.subarray(XLOG_HEADER)))
          end(() => resolve(collector.transaction));
        else if (letter === 'k') {
          if (chunk.readUInt8(17) === 1) connection.sendCopyFromChunk(statusUpdate());
          if (!collector.isInside && compareLsn(lsnAt(chunk, 1), upTo) >= 0) end(() => resolve(undefined));
        }
      } catch (error) {
        end(() => reject(asError(error)));
      }
    });
    session.client.query(command).then(
      () => end(() => resolve(undefined)),
      (error: unknown) => end(() => reject(asError(error))),
    );
  });
}

/** w, start and end of the data in the log, and the time of sending. */
const XLOG_HEADER = 1 + 8 + 8 + 8;

function lsnAt(chunk: Buffer, at: number): Lsn {
  return `${chunk.readUInt32BE(at).toString(16)}/${chunk.readUInt32BE(at + 4).toString(16)}` as Lsn;
}

/** Says that the reader lives, and that nothing is written, flushed or applied. */
function statusUpdate(): Buffer {
  const update = Buffer.alloc(1 + 8 + 8 + 8 + 8 + 1);
  update.write('r');
  return update;
}

class Collector {
  transaction: SourceTransaction | undefined;
  private readonly relations = new Map<number, Relation>();
  private bytes = 0;

  get isInside(): boolean {
    return this.transaction !== undefined;
  }

  /** True when a transaction with changes is complete. Before 15 the source sends empty ones too. */
  take(bytes: Buffer): boolean {
    const { transaction } = this;
    const isKept = transaction && transaction.changes.length < MOST_CHANGES && this.bytes < MOST_BYTES;
    if (transaction && !isKept && CHANGES.has(bytes[0] ?? 0)) {
      transaction.count += 1;
      return false;
    }
    const message = parseMessage(bytes);
    switch (message.kind) {
      case 'begin':
        this.begin(message);
        return false;
      case 'relation':
        this.relations.set(message.id, message.relation);
        return false;
      case 'commit':
        return this.commit(message.end);
      case 'other':
        return false;
      default:
        if (transaction) this.keep(transaction, message, bytes.length);
        return false;
    }
  }

  private begin({ xid, committedAt }: { xid: string; committedAt: string }): void {
    this.transaction = { xid, committedAt, lsn: '0/0' as Lsn, count: 0, changes: [] };
  }

  private commit(end: Lsn): boolean {
    if (!this.transaction) return false;
    this.transaction.lsn = end;
    if (this.transaction.count > 0) return true;
    this.transaction = undefined;
    return false;
  }

  private keep(transaction: SourceTransaction, message: ChangeMessage, bytes: number): void {
    transaction.count += 1;
    this.bytes += bytes;
    transaction.changes.push(this.changeOf(message));
  }

  private changeOf(message: ChangeMessage): Change {
    if (message.kind === 'truncate') {
      const relations = message.relations.map((id) => this.relationOf(id));
      const [relation] = relations;
      if (!relation) throw new Error('a truncate of no table');
      return { operation: 'truncate', relation, relations, restartsSequences: message.restartsSequences };
    }
    const { kind, relation: id, ...rows } = message;
    return { operation: kind, relation: this.relationOf(id), ...rows } as Change;
  }

  /** As it was sent last: a transaction may have altered its table halfway. */
  private relationOf(id: number): Relation {
    const relation = this.relations.get(id);
    if (!relation) throw new Error(`relation ${String(id)} was not described`);
    return relation;
  }
}

type ChangeMessage = Extract<Message, { kind: 'insert' | 'update' | 'delete' | 'truncate' }>;

/** First bytes of the messages that change rows. */
const CHANGES: ReadonlySet<number> = new Set(['I', 'U', 'D', 'T'].map((letter) => letter.charCodeAt(0)));
