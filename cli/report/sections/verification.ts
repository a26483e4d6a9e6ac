import { describeChange } from '../../../contract/schema-change.js';
import { endsOf } from '../../../contract/verification.js';
import type { MigrationReport, ReportVerification } from '../../../client/index.js';
import { formatCount, formatDuration, formatMany } from '../../render/format.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, facts, formatInstant, list, pill, table } from '../parts.js';
import type { Section } from '../parts.js';

/** The report as JSON has the others. */
const LISTED = 50;

export function verificationSection({ verifications }: MigrationReport): Section | undefined {
  if (verifications.length === 0) return undefined;
  return {
    id: 'verification',
    title: 'Verification',
    intro: 'Both databases compared, chunk by chunk, inside the servers: rows, sequences, and the schema.',
    body: html`${[...verifications].reverse().map(renderVerification)}`,
  };
}

const KINDS = {
  point: 'at a point: nothing changed meanwhile, so it is exact',
  online: 'online: while changes flowed; what differed was looked at again',
} as const;

function renderVerification(verification: ReportVerification): Html {
  const { kind, begunAt, endedAt, equal, tables, rows, chunks, patterns, repaired } = verification;
  const took = formatDuration(Date.parse(endedAt) - Date.parse(begunAt));
  return html`<h3>
      ${formatInstant(endedAt)} ${pill(equal ? 'equal' : 'different', equal ? 'good' : 'bad')}
    </h3>
    ${facts([
      ['Kind', KINDS[kind]],
      [
        'Compared',
        `${formatCount(rows)} rows of ${formatMany(tables, 'table')} in ${formatMany(chunks, 'chunk')}, in ${took}`,
      ],
      ['Asked for', patterns?.join(', ')],
      ['Mended', repaired === undefined ? undefined : `${formatCount(repaired)} rows`],
      ['Not compared', notCompared(verification)],
    ])}
    ${renderDifferences(verification)}`;
}

function notCompared({ notCompared: left }: ReportVerification): Html | undefined {
  if (left.length === 0) return undefined;
  return list(left.slice(0, LISTED).map(({ table: name, why }) => html`${code(name)}: ${why}`));
}

function renderDifferences(found: ReportVerification): Html {
  const { differing, differingTables, differences, schema, schemaTotal, sequences } = found;
  const [from, to] = endsOf(found);
  const how = {
    missing: `on the ${from} only`,
    extra: `on the ${to} only`,
    different: 'on both, and different',
  };
  return html`${
    differing.length > 0 &&
    html`<h4>${formatMany(differingTables, 'table')} with differences</h4>
      ${table(
        [
          { label: 'Table' },
          { label: `Rows on the ${from}`, kind: 'num' },
          { label: `On the ${to}`, kind: 'num' },
          { label: 'Chunks', kind: 'num' },
        ],
        differing.map((each) => [
          code(each.table),
          formatCount(each.sourceRows),
          formatCount(each.targetRows),
          each.chunks,
        ]),
      )}`
  }
  ${
    differences.length > 0 &&
    html`<h4>Rows that differ${differences.length > LISTED && ` (the first ${String(LISTED)})`}</h4>
      ${table(
        [{ label: 'Table' }, { label: 'Key' }, { label: 'How' }],
        differences.slice(0, LISTED).map((each) => [code(each.table), code(each.key), how[each.kind]]),
      )}`
  }
  ${
    schema.length > 0 &&
    html`<h4>${formatMany(schemaTotal, 'difference')} of the schema</h4>
      ${list(schema.map(describeChange))}`
  }
  ${
    sequences.length > 0 &&
    html`<h4>Sequences</h4>
      ${table(
        [
          { label: 'Sequence' },
          { label: `On the ${from}`, kind: 'num' },
          { label: `On the ${to}`, kind: 'num' },
        ],
        sequences.map(({ sequence, source, target }) => [code(sequence), source, target]),
      )}`
  }`;
}
