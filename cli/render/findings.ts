import type { Estimate, Finding } from '../../client/index.js';
import { paintWith } from './colour.js';
import type { Paint } from './colour.js';
import { renderEstimates } from './estimates.js';
import { formatMany } from './format.js';
import { countFindings, groupFindings, tellFinding } from './group-findings.js';
import { notesOf, renderRemedy } from './remedy.js';
import { padTo, plain, wrapTo } from './text.js';

export interface FindingsOptions {
  width: number;
  colour?: boolean;
  /** Each finding that is fine as well. */
  verbose?: boolean;
  estimates?: Estimate[];
}

/** Blocks first, each with its remedy whole; what is fine is only counted. Then what the stages will take. Pure. */
export function renderFindings(findings: Finding[], options: FindingsOptions): string[] {
  const { width, verbose = false, colour = false, estimates = [] } = options;
  const paint = paintWith(colour);
  const shown = findings.filter(({ verdict }) => verbose || verdict !== 'ok');
  const expected = renderEstimates(estimates, { width, paint });
  return [
    ...listFindings(shown, { width, paint }),
    ...(shown.length > 0 ? [''] : []),
    countOf(findings, paint),
    ...(expected.length > 0 ? ['', ...expected] : []),
  ];
}

export interface ListOptions {
  width: number;
  paint: Paint;
  /** No line is longer than the width. */
  fits?: boolean;
}

/** Under a heading for each server and each kind of its objects. */
export function listFindings(findings: Finding[], { width, paint, fits = false }: ListOptions): string[] {
  const idWidth = Math.max(0, ...findings.map(({ id }) => id.length));
  const drawing: Drawing = { width, fits, paint, idWidth };
  return groupFindings(findings).flatMap(({ title, findings: found }, n) => [
    ...(n === 0 ? [] : ['']),
    paint.bold(title),
    ...found.flatMap((finding) => renderFinding(finding, drawing)),
  ]);
}

interface Drawing extends Required<ListOptions> {
  idWidth: number;
}

/** Two columns of indent, the mark, and two between the columns. */
const BEFORE_ID = 11;
const INDENT = '      ';
/** Columns below which a text beside others is broken too often to be read. */
const LEAST_BESIDE = 44;

function renderFinding(finding: Finding, drawing: Drawing): string[] {
  const { width, fits, paint, idWidth } = drawing;
  const { verdict, remedy } = finding;
  const mark = { block: paint.red('✖ block'), warn: paint.yellow('! warn '), ok: paint.green('✔ ok   ') };
  const lines = layOut(mark[verdict], finding, { width, idWidth });
  if (verdict === 'ok' || remedy === undefined) return lines;
  const notes = notesOf(finding).join(' · ');
  return [
    ...lines,
    ...renderRemedy(remedy, { width, indent: INDENT, fits, paint: paint.bold }),
    ...(notes === '' ? [] : wrapTo(notes, { width, indent: INDENT }).map(paint.cyan)),
  ];
}

/** What was found beside the id, or below it where there is no room. */
function layOut(
  mark: string,
  finding: Finding,
  { width, idWidth }: Pick<Drawing, 'width' | 'idWidth'>,
): string[] {
  const id = plain(finding.id);
  const column = BEFORE_ID + idWidth + 2;
  if (width - column < LEAST_BESIDE)
    return [`  ${mark}  ${id}`, ...wrapTo(tellFinding(finding), { width, indent: '    ' })];
  const [first = '', ...rest] = wrapTo(tellFinding(finding), { width: width - column });
  return [`  ${mark}  ${padTo(id, idWidth)}  ${first}`, ...rest.map((line) => ' '.repeat(column) + line)];
}

function countOf(findings: Finding[], paint: Paint): string {
  const { ok, warn, block } = countFindings(findings);
  const parts = [
    paint.dim(`${String(ok)} ok`),
    warn > 0 ? paint.yellow(formatMany(warn, 'warning')) : paint.dim('0 warnings'),
    block > 0 ? paint.red(formatMany(block, 'block')) : paint.dim('0 blocks'),
  ];
  return `${paint.dim(`${formatMany(findings.length, 'finding')}:`)} ${parts.join(paint.dim(', '))}`;
}

/** The worst verdict of all. */
export function verdictOf(findings: Finding[]): Finding['verdict'] {
  const { warn, block } = countFindings(findings);
  if (block > 0) return 'block';
  return warn > 0 ? 'warn' : 'ok';
}
