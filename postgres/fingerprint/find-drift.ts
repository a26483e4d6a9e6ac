/** Drift: how the source's schema differs from the one that was dumped. */
import { createHash } from 'node:crypto';
import type { SchemaChange } from '../../contract/schema-change.js';
import type { Spec } from '../../contract/spec.js';
import type { SeenDrift } from '../../contract/state.js';
import { readRelationNames, selectRelations } from '../selection.js';
import type { Session } from '../session.js';
import { findChanged } from './compare-items.js';
import type { Found } from './compare-items.js';
import { matchItems } from './match-items.js';
import type { Matches } from './match-items.js';
import { readItems, readRelationDigests } from './read-items.js';
import type { SchemaItem } from './read-items.js';
import { readStoredDigests, readStoredItems, shortened } from './store-fingerprint.js';

export interface Comparison {
  source: Session;
  target: Session;
  owner: string;
  spec: Pick<Spec, 'select' | 'schema'>;
}

export interface Changes {
  changes: SchemaChange[];
  /** False when an object that was made anew may be told as changed: somebody held what its definition needs. */
  certain: boolean;
}

/** Inside a transaction of the source, and so in its snapshot. */
export async function findChanges(comparison: Comparison): Promise<Changes> {
  const { found, certain } = await findDifferences(comparison);
  return { changes: found.map(({ change }) => change), certain };
}

export interface Differences {
  /** What is told of them. */
  found: Found[];
  /** Of the relations that differ, and of none: everything. */
  before: SchemaItem[];
  after: SchemaItem[];
  matches: Matches;
  certain: boolean;
}

/**
 * The same with the objects themselves. They are read only of relations whose digests differ: the rest of a schema of
 * thousands of tables stays where it is.
 */
export async function findDifferences(comparison: Comparison): Promise<Differences> {
  const { source, target, owner, spec } = comparison;
  const dumped = await readStoredDigests(target, owner);
  const now = await readRelationDigests(source);
  const counts = await whichCount(comparison, dumped, now);
  const differing = [...new Set([...dumped.keys(), ...now.keys()])].filter(
    (rel) => counts(rel) && dumped.get(rel) !== now.get(rel),
  );
  if (differing.length === 0) return NONE;
  const before = await readStoredItems(target, owner, differing);
  const { items: after, complete } = await readItems(source, differing);
  const shown = after.map(shortened);
  const matches = matchItems(before, shown);
  const found = findChanged(before, shown, matches).filter(({ change }) => isWanted(change, spec));
  return { found, before, after, matches, certain: complete };
}

const NONE: Differences = {
  found: [],
  before: [],
  after: [],
  matches: { pairs: [], gone: [], fresh: [] },
  certain: true,
};

/** What a dump leaves out is no drift. */
export function isWanted({ kind }: SchemaChange, { schema }: Pick<Spec, 'schema'>): boolean {
  if (kind === 'owner-changed') return schema.owners !== 'skip';
  if (kind === 'privileges-changed') return schema.privileges !== 'skip';
  return true;
}

/** What was dumped counts whatever it is called now; what is new counts when the spec selects it. */
async function whichCount(
  { source, spec }: Comparison,
  dumped: Map<number, string>,
  now: Map<number, string>,
): Promise<(rel: number) => boolean> {
  if ([...now.keys()].every((rel) => dumped.has(rel))) return () => true;
  const { selected } = selectRelations(await readRelationNames(source), spec.select);
  const oids = new Set(selected.map(({ oid }) => oid));
  return (rel) => dumped.has(rel) || oids.has(rel);
}

/** A state and its history hold so many; the rest is counted. */
const TOLD = 50;

export function summarizeDrift(changes: SchemaChange[]): SeenDrift | undefined {
  if (changes.length === 0) return undefined;
  return {
    changes: changes.slice(0, TOLD),
    total: changes.length,
    digest: createHash('md5').update(JSON.stringify(changes)).digest('hex'),
  };
}
