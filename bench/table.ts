/** The figures as a person reads them. */
import { renderColumns } from '../cli/render/columns.js';
import { formatBytes } from '../cli/render/format.js';
import { padTo, widthOf } from '../cli/render/text.js';
import { ratioByRound, summarize } from './statistics.js';
import { isMeasured, peakBytesOf, secondsByRound } from './verdict.js';
import type { Measured, Verdict } from './verdict.js';

const COLUMNS = [
  { title: 'subject' },
  { title: 'seconds (min–max)', align: 'right' as const },
  { title: 'ratio', align: 'right' as const },
  { title: 'peak memory', align: 'right' as const },
];

export function renderTable(verdicts: Verdict[], { baseline }: { baseline: string }): string[] {
  const base = verdicts.filter(isMeasured).find(({ subject }) => subject === baseline);
  const nameWidth = Math.max(...verdicts.map(({ subject }) => widthOf(subject)));
  const cells = verdicts.map((verdict) => [
    padTo(verdict.subject, nameWidth),
    ...(isMeasured(verdict) ? figuresOf(verdict, base) : []),
  ]);
  const [head = '', ...lines] = renderColumns(COLUMNS, cells, Number.POSITIVE_INFINITY);
  return [
    head,
    ...verdicts.map((verdict, index) =>
      isMeasured(verdict)
        ? (lines[index] ?? '')
        : `${padTo(verdict.subject, nameWidth)}  ${verdict.kind}: ${verdict.reason}`,
    ),
  ];
}

const UNKNOWN = '–';

function figuresOf(verdict: Measured, base: Measured | undefined): string[] {
  const { median, min, max } = summarize(verdict.runs.map(({ seconds }) => seconds));
  const ratio = base && ratioByRound(secondsByRound(verdict), secondsByRound(base));
  const peak = peakBytesOf(verdict);
  const range = verdict.runs.length > 1 ? ` (${formatSeconds(min)}–${formatSeconds(max)})` : '';
  return [
    `${formatSeconds(median)}${range}`,
    ratio === undefined ? UNKNOWN : ratio.toFixed(2),
    peak === undefined ? UNKNOWN : formatBytes(peak),
  ];
}

function formatSeconds(seconds: number): string {
  return seconds.toFixed(1);
}
