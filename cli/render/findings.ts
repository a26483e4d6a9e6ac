import type { Finding } from '../../client/index.js';
import { paintWith } from './colour.js';
import { formatMany } from './format.js';
import { padTo, plain, wrapTo } from './text.js';

export interface FindingsOptions {
  width: number;
  colour?: boolean;
  /** Each finding that is fine as well. */
  verbose?: boolean;
}

const ORDER = { block: 0, warn: 1, ok: 2 } as const;

/** Blocks first, each with its remedy whole; what is fine is only counted. Pure. */
export function renderFindings(
  findings: Finding[],
  { width, colour = false, verbose = false }: FindingsOptions,
): string[] {
  const paint = paintWith(colour);
  const marks = { block: paint.red('✖ block'), warn: paint.yellow('! warn '), ok: paint.green('✔ ok   ') };
  const shown = findings
    .filter(({ verdict }) => verbose || verdict !== 'ok')
    .sort((a, b) => ORDER[a.verdict] - ORDER[b.verdict]);
  const idWidth = Math.max(0, ...shown.map(({ id }) => id.length));
  const lines = shown.flatMap((finding) => {
    const why = `${plain(finding.why)}${finding.more ? ` (and ${finding.more} more)` : ''}`;
    const [first = '', ...rest] = wrapTo(why, { width: width - idWidth - 11 });
    const indent = ' '.repeat(idWidth + 11);
    const remedy =
      finding.verdict === 'ok' || finding.remedy === undefined ? [] : remedyOf(finding.remedy, width);
    return [
      `${marks[finding.verdict]}  ${padTo(plain(finding.id), idWidth)}  ${first}`,
      ...rest.map((line) => indent + line),
      ...remedy.map(paint.bold),
    ];
  });
  return [...lines, paint.dim(countOf(findings))];
}

function remedyOf(remedy: string, width: number): string[] {
  return wrapTo(remedy, { width, indent: '      ' }).map((line, index) =>
    index === 0 ? `    → ${line.trimStart()}` : line,
  );
}

function countOf(findings: Finding[]): string {
  const count = (wanted: Finding['verdict']) => findings.filter(({ verdict }) => verdict === wanted).length;
  const parts = [
    `${count('ok')} ok`,
    formatMany(count('warn'), 'warning'),
    formatMany(count('block'), 'block'),
  ];
  return `${formatMany(findings.length, 'finding')}: ${parts.join(', ')}`;
}

/** The worst verdict of all. */
export function verdictOf(findings: Finding[]): Finding['verdict'] {
  if (findings.some(({ verdict }) => verdict === 'block')) return 'block';
  return findings.some(({ verdict }) => verdict === 'warn') ? 'warn' : 'ok';
}
