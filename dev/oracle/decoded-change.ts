export interface TableName {
  schema: string;
  table: string;
}

export interface DecodedColumn {
  name: string;
  /** An SQL literal; undefined: a large value that the change did not touch, so it is not in the WAL. */
  literal: string | undefined;
}

/** What names the row, without its nulls: none for a row of nulls alone. Undefined: the WAL does not hold it. */
type OldColumns = DecodedColumn[] | undefined;

export type DecodedChange =
  | { operation: 'insert'; on: TableName; row: DecodedColumn[] }
  | { operation: 'update'; on: TableName; old: OldColumns; row: DecodedColumn[] }
  | { operation: 'delete'; on: TableName; old: OldColumns }
  | { operation: 'truncate'; on: TableName[] };

// quote_identifier() leaves exactly these characters without quotes.
const IDENTIFIER = /"((?:[^"]|"")+)"|([a-z0-9_$]+)/y;
// A type may be an array (integer[]) or have a quoted name with any character in it.
const TYPE = /\[(?:"(?:[^"]|"")*"|\[\]|[^\]["])*\]:/y;

/**
 * Reads one line of test_decoding: `table public.film: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 …`.
 * Undefined for lines that are no change of a table, as BEGIN and COMMIT.
 */
export function parseChange(line: string): DecodedChange | undefined {
  if (!line.startsWith('table ')) return undefined;
  return new ChangeText(line).read();
}

class ChangeText {
  readonly #text: string;
  #at = 'table '.length;

  constructor(text: string) {
    this.#text = text;
  }

  read(): DecodedChange {
    const names = [this.#readTableName()];
    while (this.#take(', ')) names.push(this.#readTableName());
    const [on] = names;
    if (on === undefined) throw this.#unexpected();
    if (this.#take(': INSERT:')) return { operation: 'insert', on, row: this.#readColumns() ?? [] };
    if (this.#take(': DELETE:')) return { operation: 'delete', on, old: this.#readColumns() };
    if (this.#take(': TRUNCATE:')) return { operation: 'truncate', on: names };
    if (!this.#take(': UPDATE:')) throw this.#unexpected();
    if (!this.#take(' old-key:'))
      return { operation: 'update', on, old: undefined, row: this.#readColumns() ?? [] };
    const old = this.#readColumns();
    if (!this.#take(' new-tuple:')) throw this.#unexpected();
    return { operation: 'update', on, old, row: this.#readColumns() ?? [] };
  }

  #readTableName(): TableName {
    const schema = this.#readIdentifier();
    if (!this.#take('.')) throw this.#unexpected();
    return { schema, table: this.#readIdentifier() };
  }

  #readColumns(): DecodedColumn[] | undefined {
    const columns: DecodedColumn[] = [];
    if (this.#take(' (no-tuple-data)')) return undefined;
    // A column of the name new-tuple would stand in quotes.
    while (this.#at < this.#text.length && !this.#text.startsWith(' new-tuple:', this.#at)) {
      if (!this.#take(' ')) throw this.#unexpected();
      const name = this.#readIdentifier();
      this.#match(TYPE);
      columns.push({ name, literal: this.#readLiteral() });
    }
    return columns;
  }

  #readIdentifier(): string {
    const [, quoted, plain] = this.#match(IDENTIFIER);
    return quoted?.replaceAll('""', '"') ?? plain ?? '';
  }

  #readLiteral(): string | undefined {
    const from = this.#at;
    // Bit strings are written B'101'.
    const quote = this.#text.startsWith("B'", from) ? from + 1 : from;
    if (this.#text[quote] === "'") {
      this.#at = this.#endOfQuoted(quote);
      return this.#text.slice(from, this.#at);
    }
    const space = this.#text.indexOf(' ', from);
    this.#at = space < 0 ? this.#text.length : space;
    const word = this.#text.slice(from, this.#at);
    if (word === 'unchanged-toast-datum') return undefined;
    // Numbers come without quotes, NaN and Infinity too.
    return word === 'null' ? 'NULL' : `'${word}'`;
  }

  #endOfQuoted(quote: number): number {
    let end = this.#text.indexOf("'", quote + 1);
    while (end >= 0 && this.#text[end + 1] === "'") end = this.#text.indexOf("'", end + 2);
    if (end < 0) throw this.#unexpected();
    return end + 1;
  }

  #take(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw this.#unexpected();
    this.#at = pattern.lastIndex;
    return found;
  }

  #unexpected(): Error {
    const excerpt = this.#text.slice(Math.max(0, this.#at - 60), this.#at + 60);
    return new Error(`cannot read the output of test_decoding at character ${this.#at}: …${excerpt}…`);
  }
}
