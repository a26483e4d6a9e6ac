/** What it was, how it came out, and its figures in a row. */
import type { MigrationReport, ReportEnd } from '../../../client/index.js';
import { formatBytes, formatCount, formatDuration, formatMany, formatRate } from '../../render/format.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, formatInstant, list, pill } from '../parts.js';
import type { Tone } from '../parts.js';

export function renderHeader(report: MigrationReport, nav: { id: string; title: string }[]): Html {
  const [word, tone] = verdictOf(report);
  return html`<header>
    <div>
      <p class="kicker">PostgreSQL migration · report of pgtrek</p>
      <div class="title">
        <h1>${report.name}</h1>
        ${pill(word, tone)}
      </div>
      <p class="lead">${report.summary}</p>
      <div class="ways">
        ${renderEnd('source', report.source)}
        <div class="arrow" aria-hidden="true">${report.direction === 'back' ? '←' : '→'}</div>
        ${renderEnd('target', report.target)}
      </div>
      <nav aria-label="Sections">${nav.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
    </div>
  </header>`;
}

function verdictOf({ workflow, status, outcome }: MigrationReport): [string, Tone] {
  if (workflow === 'running') {
    if (status === 'blocked') return ['blocked', 'bad'];
    return status === 'paused' || status === 'stopped' ? [status, 'warn'] : ['running', 'plain'];
  }
  if (workflow !== 'completed') return [workflow, workflow === 'cancelled' ? 'warn' : 'bad'];
  if (outcome?.outcome === 'aborted') return ['aborted', 'warn'];
  return (outcome?.leftovers.length ?? 0) > 0 ? ['finished, with leftovers', 'warn'] : ['finished', 'good'];
}

function renderEnd(what: string, end: ReportEnd | undefined): Html {
  if (!end)
    return html`<div class="way">
      <div class="what">${what}</div>
      <div class="muted">not known</div>
    </div>`;
  const server = end.server === undefined ? 'version not known' : `PostgreSQL ${end.server}`;
  return html`<div class="way">
    <div class="what">${what} · ${server}</div>
    <div class="where">${end.host}:${end.port}/${end.database}</div>
    <div class="what">as ${end.user}</div>
  </div>`;
}

/** What is missing, what blocks, and what the end left. */
export function renderNotes({ completeness, blocked, outcome, failure }: MigrationReport): Html {
  const leftovers = outcome?.leftovers ?? [];
  const notes = outcome?.notes ?? [];
  return html`${
    blocked &&
    html`<div class="note-box bad">
      <p>
        <strong>Blocked in ${blocked.stage}: ${blocked.code}</strong>, since ${formatInstant(blocked.since)}
      </p>
      <p>${blocked.message}</p>
      ${blocked.remedy !== undefined && html`<p>${code(blocked.remedy)}</p>`}
    </div>`
  }
  ${
    failure &&
    html`<div class="note-box bad">
      <p><strong>${failure.code}</strong></p>
      <p>${failure.message}</p>
    </div>`
  }
  ${
    leftovers.length > 0 &&
    html`<div class="note-box bad">
      <p><strong>Could not be removed</strong></p>
      ${list(leftovers)}
    </div>`
  }
  ${
    notes.length > 0 &&
    html`<div class="note-box">
      <p><strong>For the operator</strong></p>
      ${list(notes)}
    </div>`
  }
  ${
    completeness.missing.length > 0 &&
    html`<div class="note-box">
      <p><strong>What this report does not know</strong></p>
      ${list(completeness.missing)}
    </div>`
  }`;
}

interface Tile {
  what: string;
  value: string;
  note?: string | undefined;
}

export function renderTiles(report: MigrationReport): Html {
  return html`<div class="tiles">
    ${tilesOf(report).map(
      ({ what, value, note }) =>
        html`<div class="tile">
          <div class="what">${what}</div>
          <div class="value">${value}</div>
          <div class="note">${note}</div>
        </div>`,
    )}
  </div>`;
}

function tilesOf(report: MigrationReport): Tile[] {
  const { load, flow } = report;
  const rate = load.bytesPerSecond;
  const { totals } = load;
  return [
    ...durationOf(report),
    ...(totals && Number(totals.rowsCopied) > 0
      ? [
          {
            what: 'Rows copied',
            value: shorten(totals.rowsCopied),
            note: `of ${formatMany(totals.tables, 'table')}`,
          },
        ]
      : []),
    ...(totals && Number(totals.bytesCopied) > 0
      ? [
          {
            what: 'Data copied',
            value: formatBytes(totals.bytesCopied),
            note: rate === undefined ? undefined : `${formatRate(rate)} while copying`,
          },
        ]
      : []),
    ...(flow.lagMs.length > 0
      ? [{ what: 'Largest lag', value: formatDuration(highest(flow.lagMs)), note: 'source to target' }]
      : []),
    ...(flow.retainedBytes.length > 0
      ? [{ what: 'Most WAL kept', value: formatBytes(highest(flow.retainedBytes)), note: 'on the source' }]
      : []),
    ...proofOf(report),
    ...verificationOf(report),
  ];
}

const LARGE = new Intl.NumberFormat('en', {
  notation: 'compact',
  compactDisplay: 'long',
  maximumFractionDigits: 2,
});

/** `4.81 billion`: the sections have the figure whole. */
function shorten(count: string): string {
  return Number(count) < 10_000_000 ? formatCount(count) : LARGE.format(Number(count));
}

function durationOf({ startedAt, endedAt, madeAt, workflow }: MigrationReport): Tile[] {
  if (startedAt === undefined) return [];
  const ms = Date.parse(endedAt ?? madeAt) - Date.parse(startedAt);
  return [
    {
      what: 'Time',
      value: formatDuration(ms),
      note: workflow === 'running' ? 'so far' : 'from start to end',
    },
  ];
}

function highest(points: { value: number }[]): number {
  return points.reduce((most, { value }) => Math.max(most, value), 0);
}

function proofOf({ cutovers, stops }: MigrationReport): Tile[] {
  const fence = cutovers.findLast(({ outcome, fence: had }) => outcome === 'done' && had)?.fence;
  if (fence)
    return [
      {
        what: 'Write pause',
        value: formatDuration(fence.pauseMs),
        note: `${formatMany(fence.cancelled, 'transaction')} cancelled`,
      },
    ];
  const stop = stops.findLast(({ confirmed }) => confirmed);
  if (stop?.overshootMs !== undefined)
    return [{ what: 'Stop after its time', value: formatDuration(stop.overshootMs), note: 'overshoot' }];
  return stop?.stoppedAfterMs === undefined
    ? []
    : [
        {
          what: 'Lanes stood after',
          value: formatDuration(stop.stoppedAfterMs),
          note: 'from the marker’s commit',
        },
      ];
}

function verificationOf({ verifications }: MigrationReport): Tile[] {
  const last = verifications.at(-1);
  if (!last) return [];
  const note = `${shorten(last.rows)} rows compared${last.kind === 'point' ? ', exactly' : ', online'}`;
  return [{ what: 'Both databases', value: last.equal ? 'equal' : 'differ', note }];
}
