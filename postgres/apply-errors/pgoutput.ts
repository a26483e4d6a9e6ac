/** Reads the messages of pgoutput, protocol version 1, with values as text. Pure. */
import type { Lsn } from '../../contract/names.js';

export interface Relation {
  schema: string;
  name: string;
  /** Of the source: f is REPLICA IDENTITY FULL, so that every column is a key column. */
  identity: string;
  columns: { name: string; isKey: boolean }[];
}

/** Values in the order of the relation's columns; undefined: a TOAST value that was not changed, and not sent. */
export type Tuple = (string | null | undefined)[];

export type Message =
  | { kind: 'begin'; xid: string; committedAt: string }
  | { kind: 'commit'; end: Lsn }
  | { kind: 'relation'; id: number; relation: Relation }
  | { kind: 'insert'; relation: number; row: Tuple }
  /** `old`: key columns, or all of them with REPLICA IDENTITY FULL; absent when the key stays. */
  | { kind: 'update'; relation: number; old?: Tuple; row: Tuple }
  | { kind: 'delete'; relation: number; old: Tuple }
  | { kind: 'truncate'; relations: number[]; restartsSequences: boolean }
  /** An origin, a type, a logical message: nothing that is applied to a row. */
  | { kind: 'other' };

export function parseMessage(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  switch (reader.letter()) {
    case 'B':
      return parseBegin(reader);
    case 'C':
      reader.skip(1 + 8);
      return { kind: 'commit', end: reader.lsn() };
    case 'R':
      return parseRelation(reader);
    case 'I': {
      const relation = reader.uint32();
      reader.skip(1);
      return { kind: 'insert', relation, row: reader.tuple() };
    }
    case 'U':
      return parseUpdate(reader);
    case 'D': {
      const relation = reader.uint32();
      reader.skip(1);
      return { kind: 'delete', relation, old: reader.tuple() };
    }
    case 'T':
      return parseTruncate(reader);
    default:
      return { kind: 'other' };
  }
}

/** Microseconds of the server's clock begin with the year 2000. */
const YEAR_2000_MS = Date.UTC(2000, 0, 1);

function parseBegin(reader: Reader): Message {
  reader.skip(8);
  const microseconds = reader.int64();
  return {
    kind: 'begin',
    committedAt: new Date(YEAR_2000_MS + Number(microseconds / 1000n)).toISOString(),
    xid: String(reader.uint32()),
  };
}

function parseRelation(reader: Reader): Message {
  const id = reader.uint32();
  // The schema of the system catalogs is sent as nothing.
  const schema = reader.text() || 'pg_catalog';
  const name = reader.text();
  const identity = reader.letter();
  const columns = reader.times(reader.uint16(), () => {
    const isKey = (reader.byte() & 1) === 1;
    const column = { name: reader.text(), isKey };
    reader.skip(4 + 4);
    return column;
  });
  return { kind: 'relation', id, relation: { schema, name, identity, columns } };
}

function parseUpdate(reader: Reader): Message {
  const relation = reader.uint32();
  if (reader.letter() === 'N') return { kind: 'update', relation, row: reader.tuple() };
  const old = reader.tuple();
  reader.skip(1);
  return { kind: 'update', relation, old, row: reader.tuple() };
}

const RESTART_IDENTITY = 2;

function parseTruncate(reader: Reader): Message {
  const count = reader.uint32();
  const restartsSequences = (reader.byte() & RESTART_IDENTITY) !== 0;
  return { kind: 'truncate', relations: reader.times(count, () => reader.uint32()), restartsSequences };
}

class Reader {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  skip(count: number): void {
    this.at += count;
  }

  byte(): number {
    return this.bytes.readUInt8(this.advance(1));
  }

  letter(): string {
    return String.fromCharCode(this.byte());
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.advance(2));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.advance(4));
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.advance(8));
  }

  lsn(): Lsn {
    const [high, low] = [this.uint32(), this.uint32()];
    return `${high.toString(16)}/${low.toString(16)}`.toUpperCase() as Lsn;
  }

  /** Up to a zero byte. */
  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw new Error('a pgoutput message ends within a name');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  tuple(): Tuple {
    return this.times(this.uint16(), () => this.value());
  }

  times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }

  private value(): string | null | undefined {
    const kind = this.letter();
    if (kind === 'n') return null;
    if (kind === 'u') return undefined;
    if (kind !== 't') throw new Error(`a pgoutput value of kind ${kind}, where text was asked for`);
    const length = this.uint32();
    const start = this.advance(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  private advance(count: number): number {
    const start = this.at;
    this.at += count;
    if (this.at > this.bytes.length) throw new Error('a pgoutput message is cut short');
    return start;
  }
}
