/** The record for auditors: who asked for what, what happened, with which versions and settings. */
import type { MigrationReport, ReportMessage } from '../../../client/index.js';
import { formatMany } from '../../render/format.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, facts, formatInstant, formatMoment, pill, table } from '../parts.js';
import type { Section } from '../parts.js';

export function messagesSection({
  messages,
  messagesLeftOut,
  startedAt,
  startedBy,
}: MigrationReport): Section {
  const started =
    startedAt === undefined
      ? []
      : [
          [
            formatMoment(startedAt),
            html`<strong>start</strong>`,
            code(startedBy ?? 'not known'),
            undefined,
            undefined,
          ],
        ];
  return {
    id: 'messages',
    title: 'Who asked for what',
    intro:
      'Every signal and Update that Temporal took, as its history has them. “From” is how the client called itself to Temporal; “said by” and the reason are what the message itself says.',
    body: html`${table(
      [
        { label: 'At', kind: 'whole' },
        { label: 'Message' },
        { label: 'From' },
        { label: 'Said by' },
        { label: 'Reason' },
      ],
      [...started, ...messages.map(renderMessage)],
    )}
    ${messagesLeftOut > 0 && html`<p class="muted small">${formatMany(messagesLeftOut, 'older message')} left out.</p>`}`,
  };
}

function renderMessage({
  at,
  name,
  kind,
  argument,
  identity,
  by,
  reason,
  refused,
}: ReportMessage): (Html | string | undefined)[] {
  const what = html`<strong>${name}</strong> <span class="muted">${kind}</span>${
      argument !== undefined && html`<span class="remedy">${code(JSON.stringify(argument))}</span>`
    }${refused !== undefined && html`<span class="remedy">${pill('refused', 'warn')} ${refused}</span>`}`;
  return [formatMoment(at), what, code(identity), by, reason];
}

export function eventsSection({ events, eventsMissing }: MigrationReport): Section | undefined {
  if (events.length === 0) return undefined;
  const missing = eventsMissing.map(({ from, to }) =>
    from === to ? String(from) : `${String(from)} to ${String(to)}`,
  );
  return {
    id: 'events',
    title: 'Events',
    intro: `${formatMany(events.length, 'event')}, oldest first.${missing.length > 0 ? ` No history holds numbers ${missing.slice(0, 20).join(', ')}.` : ''}`,
    body: table(
      [{ label: 'No.', kind: 'num' }, { label: 'At', kind: 'whole' }, { label: 'Kind' }, { label: 'What' }],
      events.map(({ n, at, kind, text }) => [n, formatMoment(at), code(kind), text]),
    ),
  };
}

export function specSection({ spec, mode, method }: MigrationReport): Section | undefined {
  if (spec === undefined) return undefined;
  return {
    id: 'spec',
    title: 'Spec',
    intro: `Mode ${mode ?? 'not known'}, method ${method ?? 'not known'}. As validate completed it. Passwords are references, never values.`,
    body: html`<pre>${JSON.stringify(spec, null, 2)}</pre>`,
  };
}

export function versionsSection({
  versions,
  temporal,
  startedAt,
  endedAt,
  madeAt,
  source,
  target,
}: MigrationReport): Section {
  const { runs } = temporal;
  return {
    id: 'versions',
    title: 'Versions and identities',
    body: html`${facts([
        ['Began', startedAt && formatInstant(startedAt)],
        ['Ended', endedAt && formatInstant(endedAt)],
        ['Report made', `${formatInstant(madeAt)}, by pgtrek ${versions.report}`],
        [
          'Started by',
          versions.client === undefined ? 'an older pgtrek, or another client' : `pgtrek ${versions.client}`,
        ],
        [
          'Workers',
          versions.workers.length > 0
            ? versions.workers.map((version) => `pgtrek ${version}`).join(', ')
            : 'of a version that does not tell',
        ],
        ['Temporal SDK', versions.sdk.join(', ')],
        ['Source', source?.server === undefined ? undefined : `PostgreSQL ${source.server}`],
        ['Target', target?.server === undefined ? undefined : `PostgreSQL ${target.server}`],
        [
          'Temporal',
          html`${temporal.address}, namespace ${code(temporal.namespace)}, task queue
          ${code(temporal.taskQueue ?? 'not known')}`,
        ],
        ['Workflow', code(temporal.workflowId)],
        ['Owner', html`${code(temporal.owner)} <span class="muted">(first run id)</span>`],
        [
          'Worker processes',
          versions.workerIdentities.length === 0
            ? undefined
            : html`${versions.workerIdentities.map((identity) => html`<div>${code(identity)}</div>`)}`,
        ],
      ])}
      <h3>Runs of the workflow</h3>
      ${table(
        [
          { label: 'Run' },
          { label: 'Began', kind: 'whole' },
          { label: 'Ended', kind: 'whole' },
          { label: 'As' },
          { label: 'Events', kind: 'num' },
        ],
        runs
          .slice(-RUNS)
          .map((run) => [
            code(run.runId),
            formatMoment(run.startedAt),
            run.endedAt && formatMoment(run.endedAt),
            run.ended ?? 'running',
            run.events,
          ]),
      )}
      ${runs.length + temporal.runsLeftOut > RUNS && html`<p class="muted small">and ${formatMany(runs.length + temporal.runsLeftOut - RUNS, 'run')} before.</p>`}`,
  };
}

/** A history is continued every few days; a restart makes one too. */
const RUNS = 50;
