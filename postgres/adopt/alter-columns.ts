/** Statements that give a table of the target the columns that it has on the source. */
import { escapeLiteral } from 'pg';
import { isChanged } from '../fingerprint/compare-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { ColumnFacts } from './column-facts.js';
import { isDefaultOfOldRows } from './keeps-values.js';
import { splitLast } from './names.js';
import { relationOf } from './read-changes.js';
import type { SourceChanges } from './read-changes.js';
import type { Step } from './steps.js';

type Columns = Pick<SourceChanges, 'matches' | 'columns' | 'parents'>;

/** With the default that rows have which are older than the column: it is theirs, and that of rows still on the way. */
export function addColumn(table: string, facts: ColumnFacts): Step {
  const { name, type, generated, expression, missing, notNull } = facts;
  const given =
    generated === ''
      ? missing !== null && `DEFAULT ${olderValue(facts)}`
      : `GENERATED ALWAYS AS (${expression ?? ''}) ${generated === 'v' ? 'VIRTUAL' : 'STORED'}`;
  const parts = [name, type, given, notNull && 'NOT NULL'].filter((part) => typeof part === 'string');
  return {
    object: `${table}.${name}`,
    sql: `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${parts.join(' ')}`,
  };
}

/** A constant is taken as it is written, so that it reads the same on both ends. */
function olderValue(facts: ColumnFacts): string {
  const { expression, missing, type } = facts;
  if (expression !== null && isDefaultOfOldRows(facts)) return expression;
  const plain = type.replace(/ COLLATE .*$/, '');
  return `(${escapeLiteral(missing ?? '')}::${plain}[])[1]`;
}

/** In the order in which they are: after names have changed, and before views and functions that use them come. */
export function alterColumns(table: SchemaItem, changes: Columns): Step[] {
  const { matches, columns } = changes;
  const oid = relationOf(table);
  const mine = (item: SchemaItem) =>
    item.kind === 'column' && relationOf(item) === oid && !isInherited(item, changes);
  const fresh = matches.fresh.filter(mine).flatMap((item) => columns.get(item.id) ?? []);
  const pairs = matches.pairs.filter(({ before, after }) => mine(after) && isChanged(before, after));
  // A new generated column keeps what it is made of from being altered.
  return [
    ...pairs.flatMap(({ before, after }) => {
      const facts = columns.get(after.id);
      return facts ? alterColumn(table.name, before, facts) : [];
    }),
    ...fresh
      .sort((a, b) => a.attnum - b.attnum)
      .flatMap((facts) => [addColumn(table.name, facts), ...storageOf(table.name, facts)]),
  ];
}

/** What a partition or child gets with the same change of its parent. */
function isInherited(item: SchemaItem, { matches, parents }: Columns): boolean {
  const above = parents.get(relationOf(item)) ?? [];
  const others = [...matches.fresh, ...matches.gone, ...matches.pairs.map(({ after }) => after)];
  return others.some(
    (other) =>
      other.kind === 'column' &&
      other.label === item.label &&
      above.includes(relationOf(other)) &&
      other !== item,
  );
}

function storageOf(table: string, { name, storage, compression }: ColumnFacts): Step[] {
  const object = `${table}.${name}`;
  const alter = `ALTER TABLE ONLY ${table} ALTER COLUMN ${name}`;
  return [
    { object, sql: `${alter} SET STORAGE ${storage}` },
    ...(compression === '' || compression === 'default'
      ? []
      : [{ object, sql: `${alter} SET COMPRESSION ${compression}` }]),
  ];
}

/** Facts of a column: its type; then NOT NULL, identity, generated, storage and compression, each a letter or nothing. */
export function alterColumn(table: string, before: SchemaItem, facts: ColumnFacts): Step[] {
  const { name, type, notNull, identity, generated, expression, storage, compression } = facts;
  const object = `${table}.${name}`;
  const step = (sql: string): Step => ({ object, sql: `ALTER TABLE ${table} ALTER COLUMN ${name} ${sql}` });
  const old = before.definition ?? '';
  const [oldType = ''] = before.raw.split('|');
  const steps: Step[] = [];
  const wasGenerated = / GENERATED ALWAYS AS \(/.test(old);
  const wasIdentity = /GENERATED (ALWAYS|BY DEFAULT) AS IDENTITY/.exec(old)?.[1];
  if (wasGenerated && generated === '') steps.push(step('DROP EXPRESSION IF EXISTS'));
  if (wasIdentity && identity === '') steps.push(step('DROP IDENTITY IF EXISTS'));
  const now = `${String(facts.typeOid)}.${String(facts.typmod)}`;
  if (!oldType.startsWith(`${now}.`) || type.includes(' COLLATE ') || old.includes(' COLLATE ')) {
    if (!wasGenerated && !wasIdentity) steps.push(step('DROP DEFAULT'));
    steps.push(step(`TYPE ${type}`));
  }
  if (notNull && !/ NOT NULL/.test(old)) steps.push(step('SET NOT NULL'));
  if (!notNull && / NOT NULL/.test(old)) steps.push(step('DROP NOT NULL'));
  const kind = identity === 'a' ? 'ALWAYS' : 'BY DEFAULT';
  if (wasIdentity && identity !== '' && wasIdentity !== kind) steps.push(step(`SET GENERATED ${kind}`));
  if (wasGenerated && generated !== '' && !old.includes(`(${expression ?? ''})`))
    steps.push(step(`SET EXPRESSION AS (${expression ?? ''})`));
  if (!old.includes(` STORAGE ${storage}`)) steps.push(step(`SET STORAGE ${storage}`));
  const oldCompression = / COMPRESSION (\w+)/.exec(old)?.[1] ?? 'default';
  if (compression !== '' && oldCompression !== compression)
    steps.push(step(`SET COMPRESSION ${compression}`));
  return steps;
}

/** At the end, when sequences and functions that they need are there. */
export function setDefaults(stays: (oid: number) => boolean, { matches, columns }: Columns): Step[] {
  const changed = matches.pairs
    .filter(({ before, after }) => before.raw !== after.raw)
    .map(({ after }) => after);
  return [...matches.fresh, ...changed].flatMap((item): Step[] => {
    const facts = columns.get(item.id);
    if (!facts || !stays(facts.oid) || facts.generated !== '' || facts.identity !== '') return [];
    const { outer } = splitLast(item.name);
    const how = facts.expression === null ? 'DROP DEFAULT' : `SET DEFAULT ${facts.expression}`;
    return [{ object: item.name, sql: `ALTER TABLE ONLY ${outer} ALTER COLUMN ${facts.name} ${how}` }];
  });
}

/** By their names on the target; the last one first, as a generated column goes before what it is made of. */
export function dropColumns(stays: (oid: number) => boolean, changes: Columns): Step[] {
  const attnumOf = ({ id }: SchemaItem) => Number(id.split('/')[2]);
  return changes.matches.gone
    .filter((item) => item.kind === 'column' && stays(relationOf(item)) && !isInherited(item, changes))
    .sort((a, b) => attnumOf(b) - attnumOf(a))
    .map(({ name }) => {
      const { outer, own } = splitLast(name);
      return { object: name, sql: `ALTER TABLE ${outer} DROP COLUMN IF EXISTS ${own}` };
    });
}
