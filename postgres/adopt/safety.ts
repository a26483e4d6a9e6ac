/** What may be brought over while changes are on their way to the target, and what waits until the lanes stand. */
import { isChanged } from '../fingerprint/compare-items.js';
import type { Found } from '../fingerprint/compare-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { ColumnFacts } from './column-facts.js';
import { isDefaultOfOldRows, keepsValues } from './keeps-values.js';
import { relationOf } from './read-changes.js';
import type { SourceChanges } from './read-changes.js';

/** Of these nothing can make a change fail, or change what it does. */
const FREE = /^(view|function|sequence|trigger|policy|rule|object|extension|owner|privileges|schema)-/;
const FREE_KINDS = new Set([
  'type-added',
  'type-dropped',
  'type-renamed',
  'enum-value-added',
  'table-added',
  'index-renamed',
  'constraint-renamed',
]);

/**
 * True when a change of the source that was made before this one, or is made after it and comes before the target has it,
 * could fail on the target or be applied otherwise.
 */
export function waitsForLanes(
  { change, item }: { change: Found['change']; item?: SchemaItem },
  changes: SourceChanges,
  anew: Set<number>,
): boolean {
  const { kind } = change;
  if (kind === 'schema-renamed' || item === undefined) return true;
  if (kind !== 'table-added' && isPartOfTable(item) && anew.has(relationOfPart(item))) return true;
  if (FREE.test(kind) || FREE_KINDS.has(kind)) return false;
  const { before, after } = pairOf(item, changes);
  switch (kind) {
    case 'partition-attached':
      return false;
    case 'column-added': {
      const facts = changes.columns.get(item.id);
      return !facts || !isFreeToAdd(facts);
    }
    case 'column-retyped':
    case 'column-changed':
      return !before || !after || !isLoosened(before, after, changes);
    case 'constraint-added':
      return !isForeignKey(item);
    case 'constraint-dropped':
      return /^(PRIMARY KEY|UNIQUE)/.test(item.definition ?? 'UNIQUE');
    case 'constraint-changed':
      return !before || !after || !isForeignKey(before) || !isForeignKey(after);
    case 'index-added':
    case 'index-dropped':
      return isUnique(item);
    case 'index-changed':
      return !before || !after || isUnique(before) || isUnique(after);
    case 'table-changed':
      return !before || !after || shapeOf(before) !== shapeOf(after);
    default:
      return true;
  }
}

/** Rows that were sent before it was there get what they have on the source. */
function isFreeToAdd(facts: ColumnFacts): boolean {
  return isDefaultOfOldRows(facts) && !(facts.notNull && facts.missing === null && facts.generated === '');
}

/** The target takes what it took, and more. A default counts only for rows that lack the column. */
export function isLoosened(before: SchemaItem, after: SchemaItem, { columns }: SourceChanges): boolean {
  const facts = columns.get(after.id);
  if (!facts || before.definition === null || !keepsValues(before, facts, false)) return false;
  const wasNotNull = / NOT NULL/.test(before.definition);
  const wasGenerated = / GENERATED ALWAYS AS \(/.test(before.definition);
  return (wasNotNull || !facts.notNull) && !wasGenerated && facts.generated === '';
}

function pairOf(item: SchemaItem, { matches }: SourceChanges): { before?: SchemaItem; after?: SchemaItem } {
  return matches.pairs.find(({ before, after }) => after.id === item.id && isChanged(before, after)) ?? {};
}

function isPartOfTable({ kind }: SchemaItem): boolean {
  return ['table', 'column', 'constraint', 'index', 'partition'].includes(kind);
}

function relationOfPart(item: SchemaItem): number {
  return item.rel === 0 ? relationOf(item) : item.rel;
}

function isForeignKey({ definition }: SchemaItem): boolean {
  return definition?.startsWith('FOREIGN KEY') ?? false;
}

function isUnique({ definition }: SchemaItem): boolean {
  return definition?.startsWith('CREATE UNIQUE') ?? true;
}

/** Without storage options and row security, which are no matter of rows. */
function shapeOf({ raw }: SchemaItem): string {
  return raw
    .split('|')
    .filter((_, fact) => ![2, 3, 4].includes(fact))
    .join('|');
}
