import type { ApplyError, Blocked, Finding, MigrationState } from '../../client/index.js';
import type { Drawing } from './drawing.js';
import { listFindings } from './findings.js';
import { formatMany } from './format.js';
import { renderRemedy } from './remedy.js';
import { plain, wrapTo } from './text.js';

/** More of them are told by `pgtrek validate`. */
const FINDINGS_SHOWN = 5;

/** What blocks, with the statement that mends it whole: an operator copies it from here. */
export function renderBlocked({ state, width, paint }: Pick<Drawing, 'state' | 'width' | 'paint'>): string[] {
  const { blocked, name, status } = state;
  if (!blocked || status !== 'blocked') return [];
  const object = blocked.object === undefined ? '' : ` (${plain(blocked.object)})`;
  const findings = findingsOf(state, blocked);
  const isTold = findings.length > 0;
  return [
    paint.red(paint.bold(`✖ ${blocked.stage} is blocked: ${blocked.code}${isTold ? '' : object}`)),
    ...(isTold ? renderBlocks(findings, { width, paint }) : renderReason(blocked, { width, paint })),
    ...renderNext(name, width),
    // Where drift is reported, that tells it.
    ...(blocked.code === 'SCHEMA_CHANGED' && !state.drift
      ? [`  or begin again:  pgtrek restart ${name} --drop-target`]
      : []),
  ];
}

function findingsOf({ findings }: MigrationState, { code, stage }: Blocked): Finding[] {
  if (code !== 'VALIDATION_FAILED' || stage !== 'validate') return [];
  return findings.filter(({ verdict }) => verdict === 'block');
}

/** On two lines where one has no room for both. */
function renderNext(name: string, width: number): string[] {
  const retry = `  then:  pgtrek retry ${name}`;
  const abort = `or give up:  pgtrek abort ${name}`;
  const line = `${retry}      ${abort}`;
  return line.length <= width ? [line] : [retry, `  ${abort}`];
}

function renderBlocks(findings: Finding[], { width, paint }: Pick<Drawing, 'width' | 'paint'>): string[] {
  const more = findings.length - FINDINGS_SHOWN;
  return [
    ...listFindings(findings.slice(0, FINDINGS_SHOWN), { width, paint, fits: true }),
    ...(more > 0
      ? wrapTo(`and ${formatMany(more, 'more block', 'more blocks')}: pgtrek validate -f <spec>`, {
          width,
          indent: '  ',
        })
      : []),
  ];
}

function renderReason(
  { message, applyError, remedy }: Blocked,
  { width, paint }: Pick<Drawing, 'width' | 'paint'>,
): string[] {
  return [
    ...wrapTo(message, { width, indent: '  ' }),
    ...(applyError ? wrapTo(describeTransaction(applyError), { width, indent: '  ' }) : []),
    ...(remedy === undefined
      ? []
      : ['  mend it:', ...renderRemedy(remedy, { width, indent: '    ', fits: true, paint: paint.bold })]),
  ];
}

/** What a skip would leave out. */
function describeTransaction({ lsn, xid, committedAt, changes }: ApplyError): string {
  return `transaction ${xid} of the source, committed at ${committedAt}, ${formatMany(changes, 'change')}, up to ${lsn}`;
}
