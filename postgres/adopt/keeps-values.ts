/** Which columns can be altered on the target so that its rows are those of the source. */
import { firstFactOf } from '../fingerprint/compare-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { ColumnFacts } from './column-facts.js';

/** Narrow to wide, by their fixed oids: int2, int4, int8. */
const INTEGERS = [21, 23, 20];
const TEXT = 25;
const VARCHAR = 1043;
const NUMERIC = 1700;

/**
 * The expression by which the source converted its rows is not known. Where they were not rewritten there was none; an
 * integer that gets wider is always rewritten, and taken as it is.
 */
export function keepsValues(before: SchemaItem, now: ColumnFacts, isRewritten: boolean): boolean {
  const [type = 0, typmod = 0] = firstFactOf(before).split('.').map(Number);
  const width = INTEGERS.indexOf(type);
  if (width >= 0 && INTEGERS.indexOf(now.typeOid) > width) return true;
  return !isRewritten && isWider({ type, typmod }, { type: now.typeOid, typmod: now.typmod });
}

interface Type {
  type: number;
  typmod: number;
}

function isWider(before: Type, now: Type): boolean {
  const sameType = before.type === now.type;
  if (sameType && before.typmod === now.typmod) return true;
  if (before.type === VARCHAR && now.type === TEXT) return true;
  if (now.type === VARCHAR && (sameType || before.type === TEXT))
    return now.typmod === -1 || (sameType && before.typmod !== -1 && now.typmod >= before.typmod);
  if (sameType && now.type === NUMERIC)
    return now.typmod === -1 || (scaleOf(now) === scaleOf(before) && now.typmod >= before.typmod);
  return false;
}

/** Of a numeric: the lower half of its typmod. */
function scaleOf({ typmod }: Type): number {
  return (typmod - 4) & 0xffff;
}

/**
 * Rows that are older than the column have the value that the catalog keeps for them, or null, unless the table was
 * rewritten since: then they have values that were not sent.
 */
export function fillsUnknown(
  { missing, generated, identity, expression }: ColumnFacts,
  isRewritten: boolean,
): boolean {
  if (generated !== '' || missing !== null) return false;
  return identity !== '' || (expression !== null && isRewritten);
}

/**
 * A row that was sent before the column existed gets the default of the target: it must be what such a row has on the
 * source.
 */
export function isDefaultOfOldRows({ missing, older, generated, expression }: ColumnFacts): boolean {
  if (generated !== '') return true;
  if (missing === null || expression === null) return missing === null && expression === null;
  return constantOf(expression) === older;
}

/** Of `'x'::text`, `5` and `true`, as the server writes the value; undefined for everything else. */
function constantOf(expression: string): string | undefined {
  const [, quoted, plain] =
    /^(?:'((?:[^']|'')*)'|(-?[\d.]+|true|false))(?:::[^()]+(?:\(\d+(?:,\d+)?\))?)?$/.exec(expression) ?? [];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  return plain === 'true' || plain === 'false' ? plain.charAt(0) : plain;
}
