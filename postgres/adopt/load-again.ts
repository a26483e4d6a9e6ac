/** Tables that cannot be altered so that their rows are those of the source: they are made anew and loaded again. */
import { isChanged } from '../fingerprint/compare-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { Session } from '../session.js';
import { findDependents } from './dependents.js';
import type { Dependents, Root } from './dependents.js';
import { fillsUnknown, keepsValues } from './keeps-values.js';
import type { KnownRelation, LedgerState } from './ledger-state.js';
import { splitLast, splitOn } from './names.js';
import { relationOf } from './read-changes.js';
import type { SourceChanges } from './read-changes.js';

/** Facts of a table, in the order in which a fingerprint has them, that no ALTER changes without another look at the rows. */
const LAID_DOWN = [0, 1, 5, 6, 8];
const FOREIGN = 9;

export interface Reshaped {
  /** Oids of tables of the source that are made anew, whole families of partitions. */
  anew: Set<number>;
  /** What goes with what is dropped on the target. */
  dependents: Dependents;
}

/** Reads the target only: what is loaded again depends on what would go with it. */
export async function findReshaped(
  target: Session,
  ledger: LedgerState,
  changes: SourceChanges,
): Promise<Reshaped> {
  const anew = new Set(directly(ledger, changes));
  for (;;) {
    addFamilies(anew, changes);
    const dependents = await findDependents(target, ledger, rootsOf(ledger, changes, anew));
    const more = takenAlong(ledger, changes, dependents).filter((oid) => !anew.has(oid));
    if (more.length === 0) return { anew, dependents };
    for (const oid of more) anew.add(oid);
  }
}

function directly(ledger: LedgerState, changes: SourceChanges): number[] {
  const { matches, told, rewritten, unsent, columns } = changes;
  const known = new Map(ledger.relations.map((relation) => [relation.oid, relation]));
  const isMoved = (oid: number) => isRewritten(known.get(oid), changes);
  const factsOf = (item: SchemaItem) => columns.get(item.id);
  const stays = (oid: number) => known.has(oid) && changes.plan.relations.some((now) => now.oid === oid);
  const found: number[] = [];
  for (const { before, after } of matches.pairs) {
    const oid = relationOf(after);
    if (after.kind === 'table') {
      if (isLaidDownAnew(before, after) || isNameReused(before, after, changes)) found.push(oid);
    } else if (after.kind === 'column') {
      const facts = factsOf(after);
      const retyped = isChanged(before, after) && facts && !keepsValues(before, facts, isMoved(oid));
      if (retyped || isNameReused(before, after, changes)) found.push(oid);
    } else if (after.kind === 'partition' && isChanged(before, after)) found.push(oid);
  }
  for (const item of matches.fresh) {
    const oid = relationOf(item);
    if (item.kind === 'column') {
      const facts = factsOf(item);
      if (stays(oid) && facts && fillsUnknown(facts, isMoved(oid))) found.push(oid);
    } else if (item.kind === 'partition' && known.has(parentRoot(changes, oid))) {
      if (known.has(oid) || unsent.includes(oid)) found.push(oid);
    }
  }
  for (const item of matches.gone) {
    if (item.kind === 'partition' && stays(relationOf(item))) found.push(relationOf(item));
  }
  const names = new Set(told.map(({ change }) => change.object).filter((name) => rewritten.includes(name)));
  found.push(...ledger.relations.filter(({ qualified }) => names.has(qualified)).map(({ oid }) => oid));
  return found;
}

function isRewritten(known: KnownRelation | undefined, { filenodes }: SourceChanges): boolean {
  if (known === undefined || known.heap === null) return true;
  return known.heap !== filenodes.get(known.oid)?.heap;
}

function parentRoot({ plan }: SourceChanges, oid: number): number {
  return plan.relations.find((relation) => relation.oid === oid)?.root ?? oid;
}

function isLaidDownAnew(before: SchemaItem, after: SchemaItem): boolean {
  const [old, now] = [before.raw.split('|'), after.raw.split('|')];
  return isChanged(before, after) && old[FOREIGN] === '' && LAID_DOWN.some((fact) => old[fact] !== now[fact]);
}

/** Changes that are still on the way would go to another one of its name, without an error. */
function isNameReused(before: SchemaItem, after: SchemaItem, changes: SourceChanges): boolean {
  if (before.label === after.label) return false;
  const has = (items: SchemaItem[], label: string) =>
    items.some(
      (item) => item.kind === after.kind && item.container === after.container && item.label === label,
    );
  return has(changes.before, after.label) || has(changes.after, before.label);
}

function addFamilies(anew: Set<number>, { plan }: SourceChanges): void {
  const roots = new Set(plan.relations.filter(({ oid }) => anew.has(oid)).map(({ root }) => root));
  for (const { oid, root } of plan.relations) if (roots.has(root)) anew.add(oid);
}

/** What is dropped first on the target, by its name there. */
function rootsOf({ relations }: LedgerState, changes: SourceChanges, anew: Set<number>): Root[] {
  const { matches, plan } = changes;
  const now = new Set(plan.relations.map(({ oid }) => oid));
  const tables = relations.filter(
    ({ oid, kind }) => 'rpf'.includes(kind) && (anew.has(oid) || !now.has(oid)),
  );
  const gone = matches.gone.filter(({ kind }) => kind === 'view');
  const changed = matches.pairs.filter(({ before, after }) => isMadeAnew(before, after, changes));
  return [
    ...tables.map(({ qualified }): Root => ({ what: 'relation', name: qualified })),
    ...[...gone, ...changed.map(({ before }) => before)].flatMap(rootOf),
    ...retypedColumns(changes),
    ...lostKeys(changes),
  ];
}

function rootOf({ kind, name }: SchemaItem): Root[] {
  if (kind === 'view' || kind === 'table') return [{ what: 'relation', name }];
  if (kind === 'type') return [{ what: 'type', name }];
  return kind === 'function' ? [{ what: 'routine', name }] : [];
}

/** What no ALTER turns into what it is now. A function that keeps its oid was replaced, and so it can be here. */
export function isMadeAnew(
  before: SchemaItem,
  after: SchemaItem,
  { matches, before: all }: SourceChanges,
): boolean {
  if (after.kind === 'type') {
    const lost = matches.gone.some(({ kind, container }) => kind === 'enum-value' && container === before.id);
    return (
      lost ||
      (isChanged(before, after) && !/^(\(|ENUM$)/.test(after.definition ?? '') && !isDomain(before, after))
    );
  }
  if (!isChanged(before, after)) return false;
  if (after.kind === 'view') return true;
  if (after.kind === 'function') return before.id !== after.id || after.definition === null;
  return after.kind === 'table' && after.raw.split('|')[FOREIGN] !== '' && all.length > 0;
}

/** Of the same type: its first words. */
function isDomain(before: SchemaItem, after: SchemaItem): boolean {
  const base = ({ definition }: SchemaItem) =>
    /^(.*?)( COLLATE| NOT NULL| DEFAULT| CONSTRAINT|$)/.exec(definition ?? '')?.[1];
  return after.definition !== null && base(before) === base(after) && base(after) !== '';
}

/** The type of a column that a view reads cannot be altered. */
function retypedColumns({ matches }: SourceChanges): Root[] {
  return matches.pairs.flatMap(({ before, after }): Root[] => {
    if (after.kind !== 'column' || !isChanged(before, after)) return [];
    const { outer, own } = splitLast(before.name);
    return [{ what: 'column', name: outer, own }];
  });
}

/** A view that groups by a key needs it. */
function lostKeys({ matches }: SourceChanges): Root[] {
  const changed = matches.pairs
    .filter(({ before, after }) => isChanged(before, after))
    .map(({ before }) => before);
  return [...matches.gone, ...changed]
    .filter(({ kind }) => kind === 'constraint')
    .map(({ name }) => {
      const { own, table } = splitOn(name);
      return { what: 'constraint', name: table, own };
    });
}

/** Tables of the ledger that stay on the source, and would go or lose a column on the target. */
function takenAlong(
  { relations }: LedgerState,
  { plan, matches }: SourceChanges,
  dependents: Dependents,
): number[] {
  const gone = new Set(matches.gone.filter(({ kind }) => kind === 'column').map(({ name }) => name));
  const tables = new Set([
    ...dependents.tables,
    ...dependents.columns.filter(({ column }) => !gone.has(column)).map(({ table }) => table),
  ]);
  const now = new Set(plan.relations.map(({ oid }) => oid));
  return relations
    .filter(({ oid, qualified }) => tables.has(qualified) && now.has(oid))
    .map(({ oid }) => oid);
}
