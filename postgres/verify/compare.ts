/**
 * Compares a range of a table on both ends, and finds the keys that differ: by narrower ranges, whose sums alone are looked at,
 * down to a few rows, whose hashes are listed by key.
 */
import type { VerifyKind } from '../../contract/verification.js';
import { cutRange, rangeConditions } from './chunks.js';
import type { Range } from './chunks.js';
import { bucketOf, readBuckets, readSums } from './content.js';
import type { Content, Ends, Sums } from './content.js';
import { findRows } from './find-rows.js';
import type { Passage } from './passage.js';
import type { Tally } from './tally.js';

/** What a comparison of one table goes by. */
export interface Look {
  ends: Ends;
  content: Content;
  kind: VerifyKind;
  passage: Passage;
  tally: Tally;
}

export interface ChunkResult {
  source: bigint;
  target: bigint;
  differs: boolean;
}

export async function compareChunk(look: Look, range: Range): Promise<ChunkResult> {
  const sums = await readBoth(look, rangeConditions(look.content.table, range));
  const rows = { source: sums.source.rows, target: sums.target.rows };
  return { ...rows, differs: !isSame(sums.source, sums.target) && (await settleRange(look, range, sums)) };
}

interface BothSums {
  source: Sums;
  target: Sums;
}

async function readBoth({ ends, content }: Look, conditions: string[]): Promise<BothSums> {
  const [source, target] = await Promise.all([
    readSums(ends.source, content, conditions),
    readSums(ends.target, content, conditions),
  ]);
  return { source, target };
}

function isSame(a: Sums, b: Sums): boolean {
  return a.rows === b.rows && a.sum === b.sum;
}

/** So many rows are listed by key: some hundred kilobytes. */
const LISTED_ROWS = 2_000n;
/** Narrower ranges at a time. */
const PIECES = 64;

/** Whether a range whose sums differ truly differs; its keys are told. */
async function settleRange(look: Look, range: Range, sums: BothSums): Promise<boolean> {
  const { content, kind, tally } = look;
  if (kind === 'point' && tally.isFull) return true;
  const conditions = rangeConditions(content.table, range);
  if (kind === 'online' && (await catchesUp(look, conditions, sums.source))) return false;
  const rows = larger(sums.source.rows, sums.target.rows);
  if (rows <= LISTED_ROWS) return findRows(look, conditions);
  const pieces = await cutIntoPieces(look, range, sums);
  if (pieces.length <= 1) return settleBuckets(look, { conditions, rows, depth: 1 });
  let differs = false;
  for (const piece of pieces) {
    const both = await readBoth(look, rangeConditions(content.table, piece));
    if (!isSame(both.source, both.target) && (await settleRange(look, piece, both))) differs = true;
    // More cannot be told; that it differs is known.
    if (differs && tally.isFull) return true;
  }
  return differs;
}

async function cutIntoPieces({ content, ends }: Look, range: Range, sums: BothSums): Promise<Range[]> {
  if (content.table.ranged.length === 0) return [];
  const fuller = sums.source.rows >= sums.target.rows ? ends.source : ends.target;
  return cutRange(fuller, { content, range, count: PIECES });
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/**
 * Whether the target, once it has what the source had at `before`, is as the source was then, or is now: then the
 * difference was only that changes were on their way.
 */
async function catchesUp(
  { ends, content, passage }: Look,
  conditions: string[],
  before: Sums,
): Promise<boolean> {
  await passage(ends);
  const target = await readSums(ends.target, content, conditions);
  return isSame(target, before) || isSame(target, await readSums(ends.source, content, conditions));
}

interface BucketScope {
  conditions: string[];
  rows: bigint;
  /** From 1 on: how often it was narrowed. */
  depth: number;
}

const MOST_BUCKETS = 16_384;
/** Rows that are all alike are in one bucket however often it is narrowed. */
const DEEPEST = 6;
/** Each reads the whole scope. */
const MOST_GROUPS = 20;

/** Without an order of the key that both ends share: each look reads the whole scope once, in buckets of the key's hash. */
async function settleBuckets(look: Look, { conditions, rows, depth }: BucketScope): Promise<boolean> {
  const { content, kind, tally } = look;
  const bucket = bucketOf(content, { seed: depth, buckets: bucketsFor(rows) });
  const differing = await findBuckets(look, { conditions, bucket });
  if (differing.size === 0) return false;
  const within = (numbers: number[]) => [...conditions, `${bucket} IN (${numbers.join(', ')})`];
  const total = [...differing.values()].reduce((sum, each) => sum + each, 0n);
  // What changes meanwhile is in other buckets at the next look.
  if (kind === 'online' && total > LISTED_ROWS && depth < DEEPEST)
    return settleBuckets(look, { conditions: within([...differing.keys()]), rows: total, depth: depth + 1 });
  const groups = groupsOf(differing);
  let differs = false;
  for (const [at, group] of groups.entries()) {
    if (kind === 'point' && tally.isFull) return true;
    if (kind === 'online' && at >= MOST_GROUPS) {
      tally.addUndecided(content.table.qualified, Number(total));
      return differs;
    }
    if (await settleGroup(look, { conditions: within(group.numbers), rows: group.rows, depth }))
      differs = true;
  }
  return differs;
}

async function settleGroup(look: Look, group: BucketScope): Promise<boolean> {
  if (group.rows <= LISTED_ROWS || group.depth >= DEEPEST) return findRows(look, group.conditions);
  return settleBuckets(look, { ...group, depth: group.depth + 1 });
}

/** A power of two, of some hundred rows each. */
function bucketsFor(rows: bigint): number {
  let buckets = 64;
  while (buckets < MOST_BUCKETS && BigInt(buckets) * 256n < rows) buckets *= 2;
  return buckets;
}

/** Numbers of the buckets that differ, and their rows. */
async function findBuckets(
  { ends, content, kind, passage }: Look,
  scope: { conditions: string[]; bucket: string },
): Promise<Map<number, bigint>> {
  const read = (end: keyof Ends) => readBuckets(ends[end], content, scope);
  if (kind === 'point') {
    const [source, target] = await Promise.all([read('source'), read('target')]);
    return differenceOf(target, [source]);
  }
  const before = await read('source');
  await passage(ends);
  const target = await read('target');
  return differenceOf(target, [before, await read('source')]);
}

function differenceOf(target: Map<number, Sums>, sources: Map<number, Sums>[]): Map<number, bigint> {
  const none: Sums = { rows: 0n, sum: '0' };
  const numbers = new Set([target, ...sources].flatMap((found) => [...found.keys()]));
  const differing = [...numbers].flatMap((n): [number, bigint][] => {
    const there = target.get(n) ?? none;
    const here = sources.map((source) => source.get(n) ?? none);
    if (here.some((sums) => isSame(sums, there))) return [];
    return [[n, here.reduce((most, { rows }) => larger(most, rows), there.rows)]];
  });
  return new Map(differing.sort(([a], [b]) => a - b));
}

/** Buckets that are listed together. */
function groupsOf(buckets: Map<number, bigint>): { numbers: number[]; rows: bigint }[] {
  const groups: { numbers: number[]; rows: bigint }[] = [];
  for (const [n, rows] of buckets) {
    const last = groups.at(-1);
    if (last && last.rows + rows <= LISTED_ROWS) {
      last.numbers.push(n);
      last.rows += rows;
    } else {
      groups.push({ numbers: [n], rows });
    }
  }
  return groups;
}
