/** Horizontal bars with their names and values: stages in time, tables by size. They stretch with the page, and their texts do not. */
import { html } from './html.js';
import type { Html } from './html.js';

export interface Bar {
  name: Html | string;
  value: string;
  /** Of the whole width, 0 to 1. */
  from: number;
  to: number;
  tone?: 'faint' | 'bad';
}

/** What is very short is still to be seen. */
const NARROWEST = 0.005;

export function renderBars(bars: Bar[], label: string): Html {
  return html`<div class="rows" role="img" aria-label="${label}">
    ${bars.map(({ name, value, from, to, tone }) => {
      const width = Math.max(NARROWEST, to - from);
      const x = Math.min(from, 1 - width);
      return html`<div class="row">
        <div class="name">${name}</div>
        <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
          <rect
            class="fill ${tone ?? ''}"
            x="${coordinate(x)}"
            y="0"
            width="${coordinate(width)}"
            height="10"
          />
        </svg>
        <div class="value">${value}</div>
      </div>`;
    })}
  </div>`;
}

function coordinate(share: number): string {
  return (Math.max(0, Math.min(1, share)) * 1_000).toFixed(1);
}
