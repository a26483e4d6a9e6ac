/** Finds the rows of a small scope that differ, and never takes a change that is on its way for a difference. */
import type { RowDifference } from '../../contract/verification.js';
import type { Look } from './compare.js';
import { listRows, lookUpRows } from './content.js';
import type { SeenRow, SeenRows } from './content.js';

/** Whether any row truly differs; those that do are told, where they have a key. */
export function findRows(look: Look, conditions: string[]): Promise<boolean> {
  return look.kind === 'point' ? findAtPoint(look, conditions) : findOnline(look, conditions);
}

async function findAtPoint(look: Look, conditions: string[]): Promise<boolean> {
  const { ends, content } = look;
  const [source, target] = await Promise.all([
    listRows(ends.source, content, conditions),
    listRows(ends.target, content, conditions),
  ]);
  const suspects = rowsOf(source, target).filter((row) => hashOf(source, row) !== hashOf(target, row));
  if (!content.table.key) return suspects.length > 0;
  // Where the ends order the key otherwise, a range may hold other keys: only the key itself decides.
  const keys = suspects.map(({ key }) => key);
  const [here, there] = await Promise.all([
    lookUpRows(ends.source, content, keys),
    lookUpRows(ends.target, content, keys),
  ]);
  const different = suspects.filter((row) => hashOf(here, row) !== hashOf(there, row));
  for (const row of different) tell(look, row, { source: here, target: there });
  return different.length > 0;
}

/** A hot row may be another at every look; after so many it is left undecided. */
const ROUNDS = 20;

/** The source's rows before the passage and after it; the target's in between. */
interface Round {
  before: SeenRows;
  target: SeenRows;
  after: SeenRows;
}

async function findOnline(look: Look, conditions: string[]): Promise<boolean> {
  const { ends, content, passage, tally } = look;
  const { key, qualified } = content.table;
  const listAll = (end: keyof typeof ends) => listRows(ends[end], content, conditions);
  const first = await lookRound(look, listAll);
  let suspects = rowsOf(first.before, first.target).filter((row) => !isCleared(first, row));
  let last: Round | undefined;
  let differs = false;
  for (let n = 0; n < ROUNDS && suspects.length > 0; n++) {
    const keys = suspects.map((row) => row.key);
    const round = await lookRound(
      { ends, passage },
      key ? (end) => lookUpRows(ends[end], content, keys) : listAll,
    );
    const left = suspects.filter((row) => !isCleared(round, row));
    const proven = new Set(left.filter((row) => isProven(round, last, row)));
    for (const row of proven) tell(look, row, { source: round.after, target: round.target });
    if (proven.size > 0) differs = true;
    suspects = left.filter((row) => !proven.has(row));
    last = round;
  }
  if (suspects.length > 0) tally.addUndecided(qualified, suspects.length);
  return differs;
}

async function lookRound(
  { ends, passage }: Pick<Look, 'ends' | 'passage'>,
  read: (end: 'source' | 'target') => Promise<SeenRows>,
): Promise<Round> {
  const before = await read('source');
  await passage(ends);
  const target = await read('target');
  return { before, target, after: await read('source') };
}

function isCleared({ before, target, after }: Round, row: SeenRow): boolean {
  const there = hashOf(target, row);
  return there === hashOf(before, row) || there === hashOf(after, row);
}

/**
 * The source's row was not written from one look to the other, so the target, which was read in between and had all that was
 * committed at the first, must have had it. Or the target's row was not written since the round before: so it is what the source
 * had at the first look of this one, which came later, or it never will be. Anything else may have changed in between.
 */
function isProven(round: Round, last: Round | undefined, row: SeenRow): boolean {
  const [before, after] = [versionOf(round.before, row), versionOf(round.after, row)];
  if (before !== undefined && before === after) return true;
  const version = versionOf(round.target, row);
  return version !== undefined && last !== undefined && version === versionOf(last.target, row);
}

function idOf({ key }: SeenRow): string {
  return JSON.stringify(key);
}

function hashOf(seen: SeenRows, row: SeenRow): string | undefined {
  return seen.get(idOf(row))?.hash;
}

function versionOf(seen: SeenRows, row: SeenRow): string | undefined {
  return seen.get(idOf(row))?.version;
}

/** Of both ends, each once. */
function rowsOf(source: SeenRows, target: SeenRows): SeenRow[] {
  return [...new Map([...target, ...source]).values()];
}

function tell({ tally, content }: Look, row: SeenRow, seen: { source: SeenRows; target: SeenRows }): void {
  if (!content.table.key) return;
  const id = idOf(row);
  const kind: RowDifference['kind'] = !seen.source.has(id)
    ? 'extra'
    : seen.target.has(id)
      ? 'different'
      : 'missing';
  tally.add({ table: content.table, key: row.key, kind });
}
