import type { Finding, MigrationReport } from '../../../client/index.js';
import { formatMany } from '../../render/format.js';
import { countFindings, groupFindings, tellFinding } from '../../render/group-findings.js';
import { notesOf, splitRemedy } from '../../render/remedy.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, groupedTable, pill } from '../parts.js';
import type { Section } from '../parts.js';

const TONES = { block: 'bad', warn: 'warn', ok: 'good' } as const;

export function findingsSection({ findings }: MigrationReport): Section | undefined {
  if (findings.length === 0) return undefined;
  const { ok, warn, block } = countFindings(findings);
  return {
    id: 'findings',
    title: 'Findings',
    intro: `What validate found before anything was changed, at its last run: ${String(ok)} ok, ${formatMany(warn, 'warning')}, ${formatMany(block, 'block')}.`,
    body: groupedTable(
      [{ label: 'Verdict' }, { label: 'Check', kind: 'whole' }, { label: 'Found' }],
      groupFindings(findings).map(({ title, findings: found }) => ({
        title,
        rows: found.map(renderFinding),
      })),
    ),
  };
}

function renderFinding(finding: Finding): Html[] {
  const { verdict, id, remedy } = finding;
  return [
    pill(verdict, TONES[verdict]),
    code(id),
    html`${tellFinding(finding)}${verdict !== 'ok' && remedy !== undefined && renderRemedy(remedy, finding)}`,
  ];
}

/** Statements by themselves, to be copied; what is only for people as text. */
function renderRemedy(remedy: string, finding: Finding): Html {
  const notes = notesOf(finding).join(' · ');
  return html`${splitRemedy(remedy).map(
    ({ text, isRunnable }) => html`<span class="remedy">${isRunnable ? code(text) : text}</span>`,
  )}${notes !== '' && html`<span class="remedy muted small">${notes}</span>`}`;
}
