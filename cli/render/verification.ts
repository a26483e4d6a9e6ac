import type { SchemaChange, Verification } from '../../client/index.js';
import { describeChange } from '../../contract/schema-change.js';
import { endsOf } from '../../contract/verification.js';
import type { VerificationEnd } from '../await-verification.js';
import { paintWith } from './colour.js';
import { renderColumns } from './columns.js';
import type { Drawing } from './drawing.js';
import { formatClock, formatCount, formatDuration, formatMany, formatTime } from './format.js';
import { plain, wrapTo } from './text.js';

export interface VerificationOptions {
  width: number;
  colour?: boolean;
}

/** What was compared, and everything that differs. Pure. */
export function renderVerification(
  found: Verification,
  { width, colour = false }: VerificationOptions,
): string[] {
  const paint = paintWith(colour);
  const section = (title: string, lines: string[]) =>
    lines.length === 0 ? [] : [paint.bold(title), ...lines];
  const verdict = found.equal ? paint.green('✔ equal') : paint.red('✖ different');
  return [
    `${verdict}  ${describeExtent(found)}`,
    ...section('rows', renderDiffering(found, width)),
    ...section('keys', renderKeys(found, width)),
    ...section('sequences', renderSequences(found, width)),
    ...section('schema', renderSchema(found, width)),
    ...section(
      'not compared',
      found.notCompared.flatMap(({ table, why }) =>
        wrapTo(`${plain(table)}: ${plain(why)}`, { width, indent: '  ' }),
      ),
    ),
    ...(found.repaired === undefined ? [] : [`mended: ${formatCount(found.repaired)} rows`]),
  ];
}

/** Of the status: that a comparison runs, or how the last one came out. */
export function renderCompared({ state, paint, now }: Drawing): string[] {
  const { verifying, verification, outcome } = state;
  if (verifying && !outcome)
    return [`both databases are being compared, since ${formatClock(verifying.since, now)}`];
  if (!verification) return [];
  if (verification.equal) return [`compared: equal, ${describeExtent(verification)}`];
  return [paint.yellow(`⚠ compared: different, ${describeExtent(verification)}`)];
}

function describeExtent({ kind, begunAt, endedAt, tables, rows, chunks }: Verification): string {
  const how = kind === 'point' ? 'while nothing changed' : 'while changes flow';
  const took = formatDuration(Date.parse(endedAt) - Date.parse(begunAt));
  return `${formatMany(tables, 'table')}, ${formatCount(rows)} rows, ${formatMany(chunks, 'chunk')}, ${how}; ${formatTime(begunAt)}, ${took}`;
}

function renderDiffering(found: Verification, width: number): string[] {
  const { differing, differingTables } = found;
  if (differing.length === 0) return [];
  const [from, to] = endsOf(found);
  const columns = [
    { title: '  table' },
    { title: `rows on the ${from}`, align: 'right' as const },
    { title: `on the ${to}`, align: 'right' as const },
    { title: 'chunks that differ', align: 'right' as const },
  ];
  const rows = differing.map(({ table, sourceRows, targetRows, chunks }) => [
    `  ${plain(table)}`,
    formatCount(sourceRows),
    formatCount(targetRows),
    formatCount(chunks),
  ]);
  return [...renderColumns(columns, rows, width), ...moreThan(differing.length, differingTables, 'table')];
}

/** A state holds so many of them, and more are not counted. */
const FULL = 100;

function renderKeys(found: Verification, width: number): string[] {
  const { differences } = found;
  if (differences.length === 0) return [];
  const [, to] = endsOf(found);
  const kinds = { missing: `missing on the ${to}`, extra: `on the ${to} alone`, different: 'different' };
  const columns = [{ title: '  table' }, { title: 'what' }, { title: 'key' }];
  const rows = differences.map(({ table, key, kind }) => [`  ${plain(table)}`, kinds[kind], plain(key)]);
  const more = differences.length === FULL ? ['  … these are the first 100'] : [];
  return [...renderColumns(columns, rows, width), ...more];
}

function renderSequences(found: Verification, width: number): string[] {
  const { sequences } = found;
  if (sequences.length === 0) return [];
  const columns = ['  sequence', ...endsOf(found)].map((title) => ({ title }));
  const rows = sequences.map(({ sequence, source, target }) => [`  ${plain(sequence)}`, source, target]);
  return renderColumns(columns, rows, width);
}

function renderSchema(found: Verification, width: number): string[] {
  const { schema, schemaTotal } = found;
  const ends = endsOf(found);
  return [
    ...schema.flatMap((change) =>
      wrapTo(`  ${plain(describeDifference(change, ends))}`, { width, indent: '  ' }),
    ),
    ...moreThan(schema.length, schemaTotal, 'difference'),
  ];
}

/** `column public.orders.note: text → character varying(10)`. */
function describeDifference(change: SchemaChange, [from, to]: [from: string, to: string]): string {
  const text = describeChange(change);
  const happened: [RegExp, string][] = [
    [/ was dropped/, ` is missing on the ${to}`],
    [/ was added/, ` is on the ${to} alone`],
    [/ (was|were) changed/, ' differs'],
    [/ was attached to /, ` is on the ${to} alone a partition of `],
    [/ was detached from /, ` is on the ${from} alone a partition of `],
  ];
  const said = happened.find(([pattern]) => pattern.test(text));
  return said ? text.replace(said[0], said[1]) : text;
}

function moreThan(shown: number, total: number, one: string): string[] {
  return total > shown ? [`  … and ${formatMany(total - shown, one)} more`] : [];
}

/** Where there is no result. */
export function renderVerificationEnd({
  kind,
  state,
}: Exclude<VerificationEnd, { kind: 'report' }>): string[] {
  const { name } = state;
  switch (kind) {
    case 'failed':
      return [`The comparison of ${name} has no result. Why:  pgtrek events ${name}`];
    case 'ended':
      return [`${name} has ended meanwhile: ${state.status}.`];
    case 'left':
      return [`The comparison of ${name} goes on. Its result:  pgtrek status ${name} --json`];
  }
}
