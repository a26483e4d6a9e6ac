/** Findings in the order in which a person reads them: what blocks first, then from the server down to its objects. Pure. */
import type { Finding } from '../../client/index.js';
import { plain } from './text.js';

export interface FindingGroup {
  verdict: Finding['verdict'];
  /** What they are about: `source`, `source · table`. */
  title: string;
  findings: Finding[];
}

const VERDICTS = ['block', 'warn', 'ok'] as const;
const ENDS = ['source', 'target', 'both', 'worker', 'select'];
/** Other kinds come behind these, by name. */
const KINDS = ['', 'database', 'extension', 'role', 'schema', 'relation', 'table'];

interface Place {
  end: string;
  kind: string;
  /** Of the object; empty: the end itself. */
  name: string;
}

/** Of a scope such as `source.table public.orders`. */
function placeOf(scope: string): Place {
  const [, end = scope, kind = '', name = ''] = /^([^.\s]+)(?:\.(\S+))?(?:\s+(.+))?$/s.exec(scope) ?? [];
  return { end, kind, name };
}

export function groupFindings(findings: Finding[]): FindingGroup[] {
  return VERDICTS.flatMap((verdict) => groupOf(findings, verdict));
}

function groupOf(all: Finding[], verdict: Finding['verdict']): FindingGroup[] {
  const found = all.filter((finding) => finding.verdict === verdict);
  const placed = found.map((finding) => ({ finding, place: placeAmong(finding, found) }));
  placed.sort((a, b) => compare(a.place, b.place));
  const groups = new Map<string, Finding[]>();
  for (const { finding, place } of placed) {
    const title = titleOf(place);
    groups.set(title, [...(groups.get(title) ?? []), finding]);
  }
  return [...groups].map(([title, findings]) => ({ verdict, title, findings }));
}

/** One that stands for more of its kind, without an object of its own, belongs behind those. */
function placeAmong(finding: Finding, found: Finding[]): Place {
  const place = placeOf(finding.scope);
  if (!finding.more || place.kind !== '') return place;
  const last = found.findLast(({ id, scope }) => id === finding.id && placeOf(scope).kind !== '');
  return last ? { ...placeOf(last.scope), name: LAST } : place;
}

const LAST = '\uffff';

function compare(a: Place, b: Place): number {
  return (
    rankIn(ENDS, a.end) - rankIn(ENDS, b.end) ||
    a.end.localeCompare(b.end) ||
    rankIn(KINDS, a.kind) - rankIn(KINDS, b.kind) ||
    a.kind.localeCompare(b.kind) ||
    Number(a.name === LAST) - Number(b.name === LAST) ||
    a.name.localeCompare(b.name)
  );
}

function rankIn(known: string[], word: string): number {
  const rank = known.indexOf(word);
  return rank === -1 ? known.length : rank;
}

function titleOf({ end, kind }: Place): string {
  return plain(kind === '' ? end : `${end} · ${kind.replaceAll('_', ' ')}`);
}

/** What was found, with the object that it is about, and how many more there are. */
export function tellFinding({ scope, why, more = 0 }: Finding): string {
  const { kind, name } = placeOf(scope);
  const object = name === '' || why.includes(name) ? '' : `${kind} ${name}: `;
  const isCounted = more === 0 || (why.match(/\d+/g) ?? []).some((count) => Number(count) >= more);
  return `${object}${why}${isCounted ? '' : ` (and ${String(more)} more)`}`;
}

/** `27 findings: 25 ok, 1 warning, 1 block` has these. */
export function countFindings(findings: Finding[]): Record<Finding['verdict'], number> {
  const count = (wanted: Finding['verdict']) => findings.filter(({ verdict }) => verdict === wanted).length;
  return { ok: count('ok'), warn: count('warn'), block: count('block') };
}
