/** All cutovers and rollbacks that were tried: told by states, by the activity, and by events. Pure. */
import type { MigrationEvent } from '../../contract/state.js';
import type { Collected } from './collected.js';
import type { ReportCutover } from './shape.js';

/** A report is written right after the activity has ended. */
const NEAR_MS = 10_000;

export function cutoversOf({ cutovers, fences }: Collected, events: MigrationEvent[]): ReportCutover[] {
  const told = [...cutovers.values()];
  for (const { at, direction, result } of fences) {
    const known = told.find((each) => each.fence?.begunAt === result.fence?.begunAt && isNear(each.at, at));
    if (known) continue;
    const { fence } = result;
    told.push({
      outcome: result.outcome,
      at,
      direction,
      reasons: result.outcome === 'undone' ? result.reasons : [],
      ...(result.outcome === 'done' ? { sequencesSet: result.sequences } : {}),
      ...(fence ? { fence } : {}),
    });
  }
  for (const { kind, text, at } of events) {
    const outcome = outcomeOf(text);
    const isTold = told.some((each) => isNear(each.at, at) && each.outcome === outcome);
    if ((kind !== 'cutover' && kind !== 'rollback') || outcome === undefined || isTold) continue;
    const [, reasons] = /^[^:]*: (.*)$/s.exec(text) ?? [];
    const isReasoned = reasons !== undefined && (outcome === 'refused' || outcome === 'undone');
    const direction = kind === 'rollback' ? 'back' : 'forward';
    told.push({ outcome, at, direction, reasons: isReasoned ? [reasons] : [] });
  }
  return told.sort((a, b) => a.at.localeCompare(b.at));
}

function isNear(a: string, b: string): boolean {
  return Math.abs(Date.parse(a) - Date.parse(b)) < NEAR_MS;
}

/** Events of a kind as messages too are asked for, and say so. */
function outcomeOf(text: string): ReportCutover['outcome'] | undefined {
  if (/was asked for/.test(text)) return undefined;
  if (/could begin/.test(text)) return 'ready';
  if (/^no (cutover|rollback)/.test(text)) return 'refused';
  if (/undone/.test(text)) return 'undone';
  return /can be used|is the primary|is done/.test(text) ? 'done' : undefined;
}
