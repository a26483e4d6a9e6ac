/** A line over time. The drawing stretches with the page; the texts around it do not. */
import type { SeriesPoint } from '../../client/index.js';
import { html } from './html.js';
import type { Html } from './html.js';
import { ticksOfTime, ticksOfValue } from './ticks.js';

export interface LineChart {
  title: string;
  points: SeriesPoint[];
  /** Binary steps for bytes. */
  base: 10 | 2;
  format: (value: number) => string;
  /** ISO times; all charts of a page share them. */
  from: string;
  to: string;
  marks: { at: string; n: number }[];
  limit?: { value: number; text: string } | undefined;
}

const HEIGHT = 100;
const WIDTH = 1_000;

export function renderLineChart(chart: LineChart): Html {
  const { title, points, format, limit } = chart;
  const peak = points.reduce(
    (a, b) => (b.value > a.value ? b : a),
    points[0] ?? { at: chart.from, value: 0 },
  );
  // A limit that is far off would press the line to the ground.
  const shownLimit = limit !== undefined && limit.value <= peak.value * 4 ? limit.value : 0;
  const ticks = ticksOfValue(Math.max(peak.value, shownLimit), chart.base);
  const top = ticks.at(-1) ?? 1;
  const y = (value: number) => HEIGHT * (1 - value / top);
  const said = `${format(peak.value)} at most, at ${timeOf(peak.at)}${limit ? `; ${limit.text}` : ''}`;
  return html`<figure>
    <figcaption><strong>${title}</strong><span class="muted small">${said}</span></figcaption>
    <div class="chart">
      <div class="y" aria-hidden="true">
        ${ticks.map((tick) => html`<span style="top:${percent(y(tick) / HEIGHT)}">${format(tick).replace('.0 ', ' ')}</span>`)}
      </div>
      <div class="plot">
        <svg
          viewBox="0 0 ${WIDTH} ${HEIGHT}"
          preserveAspectRatio="none"
          role="img"
          aria-label="${title}: ${said}"
        >
          ${ticks.slice(1).map((tick) => horizontal('grid', y(tick)))} ${renderPoints(chart, y)}
          ${shownLimit > 0 && horizontal('limit', y(shownLimit))}
          ${chart.marks.map(({ at }) => {
            const x = xOf(chart, at).toFixed(1);
            return html`<path class="mark" d="M${x} 0V${HEIGHT}" vector-effect="non-scaling-stroke" />`;
          })}
        </svg>
        ${flagsOf(chart).map(
          ({ x, text }) => html`<span class="flag" style="left:${percent(x / WIDTH)}">${text}</span>`,
        )}
      </div>
      <div class="x" aria-hidden="true">${renderTimes(chart)}</div>
    </div>
  </figure>`;
}

function renderPoints(chart: LineChart, y: (value: number) => number): Html {
  const places = chart.points.map(({ at, value }) => `${xOf(chart, at).toFixed(1)} ${y(value).toFixed(2)}`);
  const [first, last] = [places[0], places.at(-1)];
  if (first === undefined || last === undefined) return html``;
  if (places.length === 1)
    return html`<path class="dot" d="M${first}h0" vector-effect="non-scaling-stroke" />`;
  const line = places.join('L');
  const ground = (place: string) => `${place.split(' ')[0] ?? '0'} ${HEIGHT}`;
  return html`<path class="area" d="M${ground(first)}L${line}L${ground(last)}Z" />
    <path class="line" d="M${line}" vector-effect="non-scaling-stroke" />`;
}

/** Below it two flags would cover each other on a narrow page. */
const APART = WIDTH * 0.06;

/** Of marks that lie close together one flag tells the numbers, first to last. */
function flagsOf(chart: LineChart): { x: number; text: string }[] {
  const groups: { x: number; first: number; last: number }[] = [];
  for (const { at, n } of chart.marks) {
    const x = xOf(chart, at);
    const group = groups.at(-1);
    if (group && x - group.x < APART) group.last = n;
    else groups.push({ x, first: n, last: n });
  }
  return groups.map(({ x, first, last }) => ({
    x,
    text: first === last ? String(first) : `${String(first)}–${String(last)}`,
  }));
}

function horizontal(kind: string, y: number): Html {
  return html`<path class="${kind}" d="M0 ${y.toFixed(2)}H${WIDTH}" vector-effect="non-scaling-stroke" />`;
}

function xOf({ from, to }: LineChart, at: string): number {
  const span = Date.parse(to) - Date.parse(from);
  return span <= 0 ? WIDTH / 2 : (WIDTH * (Date.parse(at) - Date.parse(from))) / span;
}

function renderTimes(chart: LineChart): Html[] {
  return ticksOfTime(Date.parse(chart.from), Date.parse(chart.to)).map(({ at, text }, n) => {
    const share = xOf(chart, new Date(at).toISOString()) / WIDTH;
    const edge = share < 0.06 ? 'first' : share > 0.965 ? 'last' : '';
    return html`<span class="${edge} ${n % 2 === 1 ? 'odd' : ''}" style="left:${percent(share)}"
      >${text}</span
    >`;
  });
}

function timeOf(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}
