import type { Finding, MigrationReport } from '../../../client/index.js';
import { formatMany } from '../../render/format.js';
import { html } from '../html.js';
import type { Html } from '../html.js';
import { code, pill, table } from '../parts.js';
import type { Section } from '../parts.js';

const ORDER = { block: 0, warn: 1, ok: 2 } as const;
const TONES = { block: 'bad', warn: 'warn', ok: 'good' } as const;

export function findingsSection({ findings }: MigrationReport): Section | undefined {
  if (findings.length === 0) return undefined;
  const sorted = [...findings].sort((a, b) => ORDER[a.verdict] - ORDER[b.verdict]);
  const count = (verdict: Finding['verdict']) => findings.filter((each) => each.verdict === verdict).length;
  return {
    id: 'findings',
    title: 'Findings',
    intro: `What validate found before anything was changed, at its last run: ${String(count('ok'))} ok, ${formatMany(count('warn'), 'warning')}, ${formatMany(count('block'), 'block')}.`,
    body: table(
      [{ label: 'Verdict' }, { label: 'Check', kind: 'whole' }, { label: 'Found' }],
      sorted.map(renderFinding),
    ),
  };
}

function renderFinding({ verdict, id, why, more, remedy }: Finding): Html[] {
  return [
    pill(verdict, TONES[verdict]),
    code(id),
    html`${why}${more ? ` (and ${String(more)} more)` : ''}${
      verdict !== 'ok' && remedy !== undefined && html`<span class="remedy">${code(remedy)}</span>`
    }`,
  ];
}
