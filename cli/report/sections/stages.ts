import type { Estimate, MigrationReport, ReportStage } from '../../../client/index.js';
import { tellEstimate } from '../../render/estimates.js';
import { formatDuration } from '../../render/format.js';
import { renderBars } from '../bars.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { formatMoment, pill, table } from '../parts.js';
import type { Section } from '../parts.js';

/** A migration that is stopped and resumed every day has many. */
const DRAWN = 40;

export function stagesSection(report: MigrationReport): Section | undefined {
  const { stages, madeAt, estimates = [] } = report;
  if (stages.length === 0) return undefined;
  const ran = stages.filter(({ startedAt }) => startedAt !== undefined);
  const from = Math.min(...ran.map(({ startedAt }) => Date.parse(startedAt ?? '')));
  const to = Math.max(...ran.map(({ endedAt }) => Date.parse(endedAt ?? madeAt)));
  const share = (iso: string) => (to > from ? (Date.parse(iso) - from) / (to - from) : 0);
  const bars = ran.slice(-DRAWN).map((stage) => ({
    name: stage.name,
    value: lengthOf(stage, madeAt),
    from: share(stage.startedAt ?? ''),
    to: share(stage.endedAt ?? madeAt),
    ...(stage.status === 'done' ? {} : { tone: 'faint' as const }),
  }));
  return {
    id: 'timeline',
    title: 'Timeline',
    intro: introOf(report),
    body: html`${renderBars(bars, 'When each stage ran')}
    ${table(
      [
        { label: 'Stage' },
        { label: 'Began', kind: 'whole' },
        { label: 'Ended', kind: 'whole' },
        { label: 'Took', kind: 'num' },
        { label: 'Expected' },
        { label: 'State' },
      ],
      stages.map((stage) => [
        stage.name,
        stage.startedAt && formatMoment(stage.startedAt),
        stage.endedAt && formatMoment(stage.endedAt),
        stage.startedAt && lengthOf(stage, madeAt),
        renderEstimate(estimates.find((estimate) => estimate.stage === stage.name)),
        stateOf(stage),
      ]),
    )}`,
  };
}

function renderEstimate(estimate: Estimate | undefined): Html | undefined {
  if (!estimate) return undefined;
  const { how } = estimate;
  return html`${tellEstimate(estimate)}${how !== '' && html`<span class="remedy muted small">${how}</span>`}`;
}

function introOf({ stages, estimates = [] }: MigrationReport): string {
  const approximate = stages.some((stage) => stage.approximate)
    ? ' Where it says “about”, no event is known: the times are those of the stage’s first and last activity.'
    : '';
  const expected = estimates.length > 0 ? ' What was expected, validate has reckoned beforehand.' : '';
  return `Times are UTC, by the clock of Temporal’s server and workers.${approximate}${expected}`;
}

function lengthOf({ startedAt, endedAt }: ReportStage, madeAt: string): string {
  return formatDuration(Date.parse(endedAt ?? madeAt) - Date.parse(startedAt ?? ''));
}

function stateOf({ status, endedAt, approximate }: ReportStage) {
  if (approximate) return pill('about', '');
  if (status === 'done') return undefined;
  if (status === 'waiting') return pill('to come', '');
  return endedAt === undefined ? pill('running', 'plain') : pill('left', 'warn');
}
