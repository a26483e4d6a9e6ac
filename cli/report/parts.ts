/** Pieces that the sections of the page share. */
import { Html, html } from './html.js';

export interface Column {
  label: string;
  /** Figures stand to the right, times are not broken. */
  kind?: 'num' | 'time';
}

type Cell = Html | string | number | undefined;

/** On a narrow screen each row becomes a block, in which every value has its label. */
export function table(columns: Column[], rows: Cell[][]): Html {
  const classOf = ({ kind }: Column) => (kind === 'num' ? 'num' : kind === 'time' ? 'nowrap' : '');
  return html`<table>
    <thead>
      <tr>
        ${columns.map((column) => html`<th scope="col" class="${classOf(column)}">${column.label}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${columns.map((column, n) => cell(column, row[n], classOf(column)))}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function cell({ label }: Column, content: Cell, kind: string): Html {
  const isEmpty = content === undefined || content === '';
  return html`<td class="${isEmpty ? `${kind} empty` : kind}" data-label="${label}"><div>${content}</div></td>`;
}

export function facts(rows: [string, Cell][]): Html {
  const shown = rows.filter(([, value]) => value !== undefined && value !== '');
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

/** `2026-12-01 02:00:00.004 UTC`. */
export function formatInstant(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return `${time.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}
