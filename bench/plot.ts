/** The figures as a picture: an SVG of bars with whiskers, readable on light and on dark ground. */
import { summarize } from './statistics.js';
import { isMeasured } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface PlotCase {
  /** Above its bars. */
  title: string;
  verdicts: Verdict[];
}

export interface PlotOptions {
  title: string;
  subtitle: string;
  /** Their names begin so: drawn in the colour that stands out. */
  highlighted: string;
  cases: PlotCase[];
}

const WIDTH = 860;
const MARGIN = 24;
const LABELS_WIDTH = 244;
const VALUES_WIDTH = 132;
const HEAD_HEIGHT = 76;
const CASE_HEAD_HEIGHT = 34;
const CASE_GAP = 22;
const ROW_HEIGHT = 28;
const BAR_HEIGHT = 16;
const BARS_LEFT = MARGIN + LABELS_WIDTH;
const BARS_WIDTH = WIDTH - BARS_LEFT - VALUES_WIDTH - MARGIN;

const STYLE = `
    svg { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; background: #ffffff; }
    text { fill: #24292f; } .quiet { fill: #59636e; } .title { font-size: 17px; font-weight: 600; } .case { font-weight: 600; }
    .value { font-variant-numeric: tabular-nums; }
    .bar { fill: #a8b3bf; } .ours { fill: #2f6feb; } .whisker { stroke: #24292f; stroke-width: 1.5; fill: none; }
    .axis { stroke: #d1d9e0; stroke-width: 1; }
    @media (prefers-color-scheme: dark) {
      svg { background: #0d1117; }
      text { fill: #e6edf3; } .quiet { fill: #9198a1; }
      .bar { fill: #5b6672; } .ours { fill: #4c8dff; } .whisker { stroke: #e6edf3; } .axis { stroke: #3d444d; }
    }`;

/** Seconds of every subject: the bar is the median, the whisker reaches from the shortest run to the longest. */
export function renderPlot({ title, subtitle, highlighted, cases }: PlotOptions): string {
  const parts: string[] = [];
  let y = HEAD_HEIGHT;
  for (const one of cases) {
    parts.push(...renderCase(one, { y, highlighted }));
    y += caseHeight(one) + CASE_GAP;
  }
  const height = y - CASE_GAP + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title)}">`,
    `  <style>${STYLE}\n  </style>`,
    `  ${text(title, { x: MARGIN, y: 34, kind: 'title' })}`,
    `  ${text(subtitle, { x: MARGIN, y: 56, kind: 'quiet' })}`,
    ...parts.map((part) => `  ${part}`),
    '</svg>',
    '',
  ].join('\n');
}

function caseHeight({ verdicts }: PlotCase): number {
  return CASE_HEAD_HEIGHT + verdicts.length * ROW_HEIGHT;
}

/** Each case has a scale of its own, from zero. */
function renderCase(one: PlotCase, { y, highlighted }: { y: number; highlighted: string }): string[] {
  const longest = Math.max(0, ...one.verdicts.filter(isMeasured).flatMap(secondsOf));
  const top = y + CASE_HEAD_HEIGHT;
  return [
    text(one.title, { x: MARGIN, y: y + 20, kind: 'case' }),
    ...one.verdicts.flatMap((verdict, row) =>
      renderRow(verdict, {
        top: top + row * ROW_HEIGHT,
        longest,
        isOurs: verdict.subject.startsWith(highlighted),
      }),
    ),
    `<line class="axis" x1="${BARS_LEFT}" x2="${BARS_LEFT}" y1="${top}" y2="${top + one.verdicts.length * ROW_HEIGHT}"/>`,
  ];
}

function secondsOf({ runs }: { runs: { seconds: number }[] }): number[] {
  return runs.map(({ seconds }) => seconds);
}

function renderRow(
  verdict: Verdict,
  { top, longest, isOurs }: { top: number; longest: number; isOurs: boolean },
): string[] {
  const middle = top + ROW_HEIGHT / 2;
  const label = text(verdict.subject, { x: BARS_LEFT - 12, y: middle + 4.5, anchor: 'end' });
  if (!isMeasured(verdict))
    return [label, text(verdict.kind, { x: BARS_LEFT + 10, y: middle + 4.5, kind: 'quiet' })];
  const { median, min, max } = summarize(secondsOf(verdict));
  const xOf = (seconds: number) => round(BARS_LEFT + (longest === 0 ? 0 : (seconds / longest) * BARS_WIDTH));
  const width = round(xOf(median) - BARS_LEFT);
  const bar = `<rect class="${isOurs ? 'ours' : 'bar'}" x="${BARS_LEFT}" y="${middle - BAR_HEIGHT / 2}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`;
  const range = verdict.runs.length > 1 ? ` (${min.toFixed(1)}–${max.toFixed(1)})` : '';
  const value = text(`${median.toFixed(1)} s${range}`, { x: xOf(max) + 10, y: middle + 4.5, kind: 'value' });
  return [label, bar, ...(verdict.runs.length > 1 ? [whisker(xOf(min), xOf(max), middle)] : []), value];
}

function whisker(from: number, to: number, y: number): string {
  const end = 4;
  return `<path class="whisker" d="M${from} ${y - end}V${y + end}M${from} ${y}H${to}M${to} ${y - end}V${y + end}"/>`;
}

function text(
  content: string,
  { x, y, kind, anchor }: { x: number; y: number; kind?: string; anchor?: 'end' },
): string {
  const attributes = [
    ...(kind === undefined ? [] : [` class="${kind}"`]),
    ...(anchor === undefined ? [] : [` text-anchor="${anchor}"`]),
  ];
  return `<text x="${x}" y="${y}"${attributes.join('')}>${escapeXml(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
