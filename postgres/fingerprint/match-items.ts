/** Finds the objects of one reading again in another: by their oids, and by name where one was made anew. */
import type { SchemaItem } from './read-items.js';

export interface Pair {
  before: SchemaItem;
  after: SchemaItem;
}

export interface Matches {
  pairs: Pair[];
  gone: SchemaItem[];
  fresh: SchemaItem[];
}

/** One that was dropped and made anew under its name: its rows are gone, so the new one is another. */
const HOLDS_ROWS = new Set(['table', 'column', 'partition']);

/** A view that is made anew is the same view, with its triggers; so are an index after REINDEX CONCURRENTLY, a function… */
export function matchItems(before: SchemaItem[], after: SchemaItem[]): Matches {
  const known = new Map(before.map((item) => [item.id, item]));
  const pairs: Pair[] = [];
  /** Ids of objects made anew to those of their predecessors: so what stands on them is found too. */
  const formerIds = new Map<string, string>();
  const pair = (former: SchemaItem, item: SchemaItem) => {
    known.delete(former.id);
    formerIds.set(item.id, former.id);
    pairs.push({ before: former, after: item });
  };
  let fresh = after.filter((item) => {
    const former = known.get(item.id);
    if (former) pair(former, item);
    return former === undefined;
  });
  // What stands on an object that was made anew is found in the next turn.
  for (let found = true; found;) {
    const byName = new Map([...known.values()].map((item) => [nameOf(item, item.container), item]));
    const left = fresh.filter((item) => {
      if (HOLDS_ROWS.has(item.kind)) return true;
      const former = byName.get(nameOf(item, formerIds.get(item.container) ?? item.container));
      if (former && known.has(former.id)) pair(former, item);
      return !former;
    });
    found = left.length < fresh.length;
    fresh = left;
  }
  return { pairs, gone: [...known.values()], fresh };
}

function nameOf({ kind, known }: SchemaItem, container: string): string {
  return JSON.stringify([kind, container, known]);
}
