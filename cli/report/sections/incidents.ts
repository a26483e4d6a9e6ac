/** What came in between: changes of the schema, alerts, transactions that were left out. */
import { describeChange } from '../../../contract/schema-change.js';
import type { MigrationReport, ReportAdoption } from '../../../client/index.js';
import { formatDuration } from '../../render/format.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, formatMoment, list, table } from '../parts.js';
import type { Section } from '../parts.js';

export function incidentsSection({ adoptions, alerts, skipped }: MigrationReport): Section | undefined {
  if (adoptions.length + alerts.length + skipped.length === 0) return undefined;
  return {
    id: 'incidents',
    title: 'In between',
    intro:
      'Alerts, changes of the source’s schema that were brought over, and transactions that were left out with consent.',
    body: html`${
      alerts.length > 0 &&
      html`<h3>Alerts</h3>
        ${table(
          [
            { label: 'Since', kind: 'whole' },
            { label: 'Until', kind: 'whole' },
            { label: 'Lasted', kind: 'num' },
            { label: 'Alert' },
          ],
          alerts.map(({ since, until, text }) => [
            formatMoment(since),
            until && formatMoment(until),
            until && formatDuration(Date.parse(until) - Date.parse(since)),
            text,
          ]),
        )}`
    }
    ${
      adoptions.length > 0 &&
      html`<h3>Changes of the schema</h3>
        ${adoptions.map(renderAdoption)}`
    }
    ${
      skipped.length > 0 &&
      html`<h3>Transactions that were left out</h3>
        ${table(
          [{ label: 'At', kind: 'whole' }, { label: 'Lane' }, { label: 'Up to' }, { label: 'What' }],
          skipped.map(({ at, lane, lsn, text }) => [formatMoment(at), code(lane), code(lsn), text]),
        )}`
    }`,
  };
}

function renderAdoption({ at, adopted, left, tables }: ReportAdoption): Html {
  return html`<p class="muted small">${formatMoment(at)} UTC</p>
    ${list([
      ...adopted.map((change) => html`${describeChange(change)}: the target has it`),
      ...left.map((change) => html`${describeChange(change)}: had to wait until the lanes stood`),
      ...tables.map((name) => html`${code(name)} was loaded again, in a new lane`),
    ])}`;
}
