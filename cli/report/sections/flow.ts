import type { MigrationReport, ReportMark, SeriesPoint } from '../../../client/index.js';
import { formatBytes, formatDuration, formatMany } from '../../render/format.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { renderLineChart } from '../line-chart.js';
import { formatMoment } from '../parts.js';
import type { Section } from '../parts.js';

/** More cannot be told apart in a chart; all of them are events. */
const MARKS = 15;

export function flowSection(report: MigrationReport): Section | undefined {
  const { flow, mode } = report;
  const series = [flow.lagMs, flow.lagBytes, flow.retainedBytes];
  if (series.every((points) => points.length === 0))
    return mode === undefined || mode === 'full-load'
      ? undefined
      : {
          ...HEAD,
          body: html`<p class="muted">No figures are known: monitor returned none before the end.</p>`,
        };
  const times = series.flat().map(({ at }) => at);
  const marks = report.marks.filter(isWithin(times)).slice(-MARKS);
  times.push(...marks.map(({ at }) => at));
  times.sort();
  const time = {
    from: times[0] ?? '',
    to: times.at(-1) ?? '',
    marks: marks.map(({ at }, n) => ({ at, n: n + 1 })),
  };
  const bytes = { base: 2 as const, format: formatBytes };
  const budget = flow.walBudget;
  const limit =
    budget === undefined ? undefined : { value: budget, text: `cdc.walBudget is ${formatBytes(budget)}` };
  const draw = (
    title: string,
    points: SeriesPoint[],
    how: { base: 2 | 10; format: (value: number) => string },
  ) => points.length > 0 && renderLineChart({ ...time, title, points, ...how });
  return {
    ...HEAD,
    intro: `${formatMany(flow.figures, 'measurement')} that monitor returned. Where several were taken together for the chart, the highest stands.`,
    body: html`${draw('Lag in time', flow.lagMs, { base: 10, format: formatDuration })}
    ${draw('Lag in bytes', flow.lagBytes, bytes)}
    ${
      flow.retainedBytes.length > 0 &&
      renderLineChart({
        ...time,
        title: 'WAL kept on the source',
        points: flow.retainedBytes,
        ...bytes,
        limit,
      })
    }
    ${marks.length > 0 && renderLegend(marks)}`,
  };
}

const HEAD = { id: 'flow', title: 'Lag and WAL' };

/** Those of the load lie before all figures, and would press them together. */
function isWithin(times: string[]): (mark: ReportMark) => boolean {
  const first = Date.parse(times.reduce((a, b) => (b < a ? b : a)));
  const last = Date.parse(times.reduce((a, b) => (b > a ? b : a)));
  const around = Math.max(60_000, (last - first) / 10);
  return ({ at }) => Date.parse(at) >= first - around && Date.parse(at) <= last + around;
}

function renderLegend(marks: ReportMark[]): Html {
  return html`<ol class="legend">
    ${marks.map(
      ({ at, text }, n) =>
        html`<li>
          <span class="n">${n + 1}</span><span class="muted nowrap">${formatMoment(at)}</span
          ><span class="text">${text}</span>
        </li>`,
    )}
  </ol>`;
}
