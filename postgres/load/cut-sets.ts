/** Cuts a list of tables into sets: big ones alone, small ones together. */

/** An activity costs 65 ms of a slot; 32 MB take a second or so. */
export const SET_BYTES = 32n * 1024n * 1024n;
/** Many tiny tables cost a round trip each: 100 of them take a second or two. */
const SET_TABLES = 100;

/** Keeps the order; a set never holds more than `limit` bytes unless it is one table. */
export function cutSets<Table extends { bytes: string | bigint }>(
  tables: Table[],
  limit = SET_BYTES,
): Table[][] {
  const sets: Table[][] = [];
  let open: Table[] = [];
  let size = 0n;
  for (const table of tables) {
    const bytes = BigInt(table.bytes);
    if (open.length === 0 || size + bytes > limit || open.length >= SET_TABLES) {
      open = [];
      size = 0n;
      sets.push(open);
    }
    open.push(table);
    size += bytes;
  }
  return sets;
}
