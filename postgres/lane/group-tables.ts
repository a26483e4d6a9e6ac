/** Which tables go by one lane, with `cdc.lanes` above 1: a balanced split that no foreign key crosses. Pure. */

export interface TableToGroup {
  /** Ledger id of the table, or of the partitioned table at the top. */
  id: number;
  /** Rows written on the source so far, its partitions' too. */
  writes: bigint;
  bytes: bigint;
  /** Changes are brought over: without any such table a group would be a lane of nothing. */
  isPublished: boolean;
}

interface Load {
  writes: bigint;
  bytes: bigint;
}

interface Component extends Load {
  tables: number[];
  isPublished: boolean;
}

/**
 * At most `lanes` groups, none of them empty; `keys` are pairs of ids that foreign keys join. What is written most is
 * given away first, each to the group that has the least to do so far; of groups with equal writes, to the smallest.
 */
export function groupTables(tables: TableToGroup[], keys: [number, number][], lanes: number): number[][] {
  const components = joined(tables, keys);
  const groups: Component[] = [];
  for (const component of components.filter(({ isPublished }) => isPublished).sort(byLoad)) {
    const [least] = [...groups].sort((a, b) => byLoad(b, a) || a.tables.length - b.tables.length);
    if (groups.length < lanes || !least) groups.push({ ...component });
    else add(least, component);
  }
  const rest = components.filter(({ isPublished }) => !isPublished).flatMap(({ tables }) => tables);
  const [first = [], ...others] = groups.map(({ tables }) => tables);
  return [[...first, ...rest], ...others].filter((group) => group.length > 0);
}

function add(group: Component, { writes, bytes, tables }: Component): void {
  group.writes += writes;
  group.bytes += bytes;
  group.tables = [...group.tables, ...tables];
}

/** The most work first. Sorting is stable, so that equal ones keep the order of their ids. */
function byLoad(a: Load, b: Load): number {
  if (a.writes !== b.writes) return a.writes > b.writes ? -1 : 1;
  return a.bytes === b.bytes ? 0 : a.bytes > b.bytes ? -1 : 1;
}

/** Tables that keys join, directly or by others. */
function joined(tables: TableToGroup[], keys: [number, number][]): Component[] {
  const parents = new Map(tables.map(({ id }) => [id, id]));
  const top = (id: number): number => {
    const parent = parents.get(id) ?? id;
    if (parent === id) return id;
    const found = top(parent);
    parents.set(id, found);
    return found;
  };
  for (const [a, b] of keys) if (parents.has(a) && parents.has(b)) parents.set(top(a), top(b));
  const components = new Map<number, Component>();
  for (const { id, writes, bytes, isPublished } of tables) {
    const component = components.get(top(id)) ?? { writes: 0n, bytes: 0n, tables: [], isPublished: false };
    component.writes += writes;
    component.bytes += bytes;
    component.tables.push(id);
    component.isPublished ||= isPublished;
    components.set(top(id), component);
  }
  return [...components.values()];
}
