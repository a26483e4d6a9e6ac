/** What validate found and expects, for the details in the Web UI. */
import type { Estimate, Finding, MigrationState } from '../contract/state.js';
import { prose, size, verbatim } from './markdown.js';

/** The page cuts long details; `pgtrek status` and the state have all of them. */
const BLOCKS_SHOWN = 5;
const WARNINGS_NAMED = 5;

/** The reason of the block is the first of them, and stands above. */
export function otherBlocks({ findings, blocked }: MigrationState): string[] {
  if (blocked?.code !== 'VALIDATION_FAILED') return [];
  const others = findings.filter(
    ({ verdict, why }) => verdict === 'block' && !blocked.message.startsWith(why),
  );
  const more = others.length - (BLOCKS_SHOWN - 1);
  return [
    ...others.slice(0, BLOCKS_SHOWN - 1).map(tellBlock),
    ...(more > 0 ? [`**And ${String(more)} more** that block: the query \`state\` has them.`] : []),
  ];
}

function tellBlock({ id, why, remedy, restart }: Finding): string {
  const mends = remedy === undefined ? '' : `\n\n**Remedy:** ${verbatim(remedy)}`;
  return `**✖** \`${id}\` ${prose(why)}${mends}${restart ? '\n\nThe server needs a restart after that.' : ''}`;
}

/** Counted, and the first ones named. */
export function warnings({ findings, outcome }: MigrationState): string {
  const found = findings.filter(({ verdict }) => verdict === 'warn');
  if (found.length === 0 || outcome) return '';
  const ids = [...new Set(found.map(({ id }) => id))];
  const named = ids.slice(0, WARNINGS_NAMED).map((id) => `\`${id}\``);
  const more = ids.length > named.length ? ', …' : '';
  return `**${String(found.length)} ${found.length === 1 ? 'warning' : 'warnings'}** of validate: ${named.join(', ')}${more}`;
}

/** Of the stages that are not done yet. */
export function estimates({ estimates: known = [], stages, outcome }: MigrationState): string {
  if (outcome) return '';
  const isOpen = (name: string) => stages.some((stage) => stage.name === name && stage.status !== 'done');
  const open = known.filter(({ stage }) => isOpen(stage));
  return open.length === 0 ? '' : `Expected: ${open.map(tellEstimate).join(' · ')}`;
}

function tellEstimate({ stage, seconds, bytes }: Estimate): string {
  const carried = bytes === undefined || bytes === '0' ? '' : `, ${size(Number(bytes))}`;
  return `${stage} ${about(seconds)}${carried}`;
}

function about(seconds: number): string {
  if (seconds < 59.5) return `about ${String(Math.max(1, Math.round(seconds)))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `about ${String(minutes)} min`;
  return minutes < 2_880
    ? `about ${String(Math.round(minutes / 60))} h`
    : `about ${String(Math.round(minutes / 1_440))} days`;
}
