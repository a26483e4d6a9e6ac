/** Pieces that the sections of the page share. */
import type { Html } from './html.js';
import { html } from './html.js';

export interface Column {
  label: string;
  /** num: to the right. whole: on one line, where there is room. */
  kind?: 'num' | 'whole';
}

type Cell = Html | string | number | undefined;

/**
 * On a narrow screen each row becomes a block under its first value, in which the others have their labels. A column of which
 * nothing is known is left out.
 */
export function table(all: Column[], rows: Cell[][]): Html {
  return groupedTable(all, [{ rows }]);
}

export interface RowGroup {
  /** On a row of its own above the others. */
  title?: string;
  rows: Cell[][];
}

export function groupedTable(all: Column[], groups: RowGroup[]): Html {
  const shown = all
    .map((column, n) => ({ ...column, n }))
    .filter(({ n }) => n === 0 || groups.some(({ rows }) => rows.some((row) => !isEmpty(row[n]))));
  return html`<table>
    <thead>
      <tr>
        ${shown.map((column) => html`<th scope="col" class="${classOf(column)}">${column.label}</th>`)}
      </tr>
    </thead>
    ${groups.map(
      ({ title, rows }) =>
        html`<tbody>
          ${
            title !== undefined &&
            html`<tr class="group">
              <th colspan="${shown.length}" scope="rowgroup">${title}</th>
            </tr>`
          }
          ${rows.map(
            (row) =>
              html`<tr>
                ${shown.map((column) => cell(column, row[column.n]))}
              </tr>`,
          )}
        </tbody>`,
    )}
  </table>`;
}

function classOf({ kind }: Column): string {
  return kind === 'whole' ? 'nowrap' : (kind ?? '');
}

function isEmpty(content: Cell): boolean {
  return content === undefined || content === '';
}

function cell(column: Column, content: Cell): Html {
  const kind = isEmpty(content) ? `${classOf(column)} empty` : classOf(column);
  return html`<td class="${kind}" data-label="${column.label}"><div>${content}</div></td>`;
}

export function facts(rows: [string, Cell][]): Html {
  const shown = rows.filter(([, value]) => !isEmpty(value));
  return html`<dl>
    ${shown.map(
      ([label, value]) =>
        html`<dt>${label}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

export interface Section {
  id: string;
  title: string;
  body: Html;
  intro?: Html | string;
}

export function renderSection({ id, title, intro, body }: Section): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${intro !== undefined && html`<p class="intro">${intro}</p>`} ${body}
  </section>`;
}

export type Tone = 'good' | 'warn' | 'bad' | 'plain' | '';

export function pill(text: string, tone: Tone): Html {
  return html`<span class="pill ${tone}">${text}</span>`;
}

export function code(text: string): Html {
  return html`<code>${text}</code>`;
}

export function list(items: (Html | string)[]): Html {
  return html`<ul>
    ${items.map((item) => html`<li>${item}</li>`)}
  </ul>`;
}

/** `2026-12-01 02:00:00.004`, in UTC, as the page says at its end: for tables. */
export function formatMoment(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : time.toISOString().replace('T', ' ').replace('Z', '');
}

/** `2026-12-01 02:00:00.004 UTC`. */
export function formatInstant(iso: string): string {
  return `${formatMoment(iso)} UTC`;
}
