/** Turns two readings of a schema into typed changes: each told once, on the object that was changed by hand. */
import type { ChangeKind, SchemaChange } from '../../contract/schema-change.js';
import type { Matches, Pair } from './match-items.js';
import type { SchemaItem } from './read-items.js';

/** A change with the object that it was found on. */
export interface Found {
  change: SchemaChange;
  item: SchemaItem;
}

/** `matches`: as matchItems makes them of both. */
export function findChanged(before: SchemaItem[], after: SchemaItem[], matches: Matches): Found[] {
  const found = [
    ...matches.pairs.flatMap(changesOf),
    ...withoutFollowers(matches.gone, matches).map((item) => ({ item, change: lossOf(item) })),
    ...withoutFollowers(matches.fresh, matches).map((item) => ({ item, change: arrivalOf(item) })),
  ];
  return sorted(withoutInherited(found, parentsOf([...before, ...after])));
}

/** Longer ones say little in a list of changes, and would fill a history. */
const SHORT = 200;
/** What these are made of is many lines. */
const LONG = new Set(['function', 'view', 'rule']);

function shownOf({ kind, definition }: SchemaItem): string | undefined {
  return definition === null || definition.length > SHORT || LONG.has(kind) ? undefined : definition;
}

type FromTo = Pick<SchemaChange, 'from' | 'to'>;

function fromTo(from: string | undefined, to: string | undefined): FromTo {
  return from === undefined || to === undefined ? {} : { from, to };
}

function changesOf({ before, after }: Pair): Found[] {
  const { kind, name: object } = after;
  const definitions = fromTo(shownOf(before), shownOf(after));
  const changes: SchemaChange[] = [];
  if (before.label !== after.label) {
    const names = kind === 'enum-value' ? definitions : { from: before.name, to: after.name };
    changes.push({ kind: `${kind}-renamed` as ChangeKind, object: before.name, ...names });
  }
  if (isChanged(before, after)) {
    if (kind === 'partition') changes.push(lossOf(before), arrivalOf(after));
    else changes.push({ kind: changeKindOf(before, after), object, ...definitions });
  }
  // That of a sequence which a table got, or lost, is the table's matter.
  if (before.role !== null && after.role !== null && before.role !== after.role) {
    changes.push({ kind: 'owner-changed', object, from: before.role, to: after.role });
  }
  if (before.acl !== after.acl) {
    changes.push({ kind: 'privileges-changed', object, ...grantsOf(before.acl, after.acl) });
  }
  return changes.map((change) => ({ change, item: after }));
}

/** Oids of what it is made of change too when that was made anew: then the definition tells that nothing has changed. */
export function isChanged(before: SchemaItem, after: SchemaItem): boolean {
  return before.raw !== after.raw && (before.definition === null || before.definition !== after.definition);
}

/** A column's facts begin with its type. */
function changeKindOf(before: SchemaItem, after: SchemaItem): ChangeKind {
  const retyped = after.kind === 'column' && firstFactOf(before) !== firstFactOf(after);
  return retyped ? 'column-retyped' : (`${after.kind}-changed` as ChangeKind);
}

export function firstFactOf({ raw }: SchemaItem): string {
  return raw.slice(0, raw.indexOf('|'));
}

/** Only the roles whose privileges are others. */
function grantsOf(before: string | null, after: string | null): FromTo {
  if (before === null || after === null) return { from: before ?? 'standard', to: after ?? 'standard' };
  const [old, now] = [before.split(' '), after.split(' ')];
  const without = (grants: string[], others: string[]) =>
    grants.filter((grant) => !others.includes(grant)).join(' ');
  return { from: without(old, now), to: without(now, old) };
}

function lossOf(item: SchemaItem): SchemaChange {
  const kind = item.kind === 'partition' ? 'partition-detached' : (`${item.kind}-dropped` as ChangeKind);
  const from = shownOf(item);
  return { kind, object: item.name, ...(from === undefined ? {} : { from }) };
}

function arrivalOf(item: SchemaItem): SchemaChange {
  const kind = item.kind === 'partition' ? 'partition-attached' : (`${item.kind}-added` as ChangeKind);
  const to = shownOf(item);
  return { kind, object: item.name, ...(to === undefined ? {} : { to }) };
}

/** What came or went with another object: the columns of a new table, the leaves of a dropped one, keys of a partition. */
function withoutFollowers(some: SchemaItem[], { gone, fresh }: Matches): SchemaItem[] {
  const arrived = some === fresh;
  const ids = new Set(some.map(({ id }) => id));
  const parents = parentsOf(some);
  // With its parent a partition gets and loses what it inherits.
  const moved = new Set([...gone, ...fresh].filter(isPartition).map(({ container }) => container));
  return some.filter((item) => {
    const parent = parents.get(isPartition(item) ? item.container : item.id);
    if (parent !== undefined && ids.has(parent)) return false;
    // A new leaf is told as attached, a dropped one as dropped.
    if (isPartition(item)) return arrived || !ids.has(item.container);
    if (item.kind === 'table') return !(arrived && parents.has(item.id));
    return !ids.has(item.container) && !(INHERITED.has(item.kind) && moved.has(item.container));
  });
}

const INHERITED = new Set(['constraint', 'index', 'trigger']);

function isPartition({ kind }: SchemaItem): boolean {
  return kind === 'partition';
}

/** Ids of tables that are partitions to those of their parents: the facts of a partition begin with its parent's oid. */
function parentsOf(items: SchemaItem[]): Map<string, string> {
  return new Map(items.filter(isPartition).map((item) => [item.container, `table/${firstFactOf(item)}/0`]));
}

/** A column of a partitioned table is a column of every leaf: it is told once. */
function withoutInherited(found: Found[], parents: Map<string, string>): Found[] {
  const keyOf = ({ change, item }: Found, table: string) => JSON.stringify([change.kind, table, item.label]);
  const told = new Set(found.map((each) => keyOf(each, each.item.container)));
  return found.filter((each) => {
    const parent = each.item.kind === 'column' ? parents.get(each.item.container) : undefined;
    return parent === undefined || !told.has(keyOf(each, parent));
  });
}

/** What endangers rows comes first, as only the first 50 are told. */
const ORDER = ['table', 'column', 'partition', 'type', 'enum', 'constraint', 'index', 'sequence', 'schema'];

function sorted(found: Found[]): Found[] {
  const rank = ({ kind }: SchemaChange) => {
    const at = ORDER.indexOf(kind.split('-')[0] ?? '');
    return at === -1 ? ORDER.length : at;
  };
  const textOf = (change: SchemaChange) =>
    JSON.stringify([change.object, change.kind, change.from, change.to]);
  return found.sort(({ change: a }, { change: b }) => rank(a) - rank(b) || (textOf(a) < textOf(b) ? -1 : 1));
}
