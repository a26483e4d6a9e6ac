/** What a later cutover would need the source's role to be allowed: told now, as granting may take a while. */
import type { Finding } from '../../contract/findings.js';
import { lackToClose, lackToEnd, lackToLock, lacksToDeny } from '../cutover/fence-privileges.js';
import type { OnSource } from './check.js';
import { capFindings } from './check.js';
import { ownersToJoin } from './source-privileges.js';

/** A migration may end without a cutover, so nothing of it blocks. */
export async function checkCutoverPrivileges(facts: OnSource): Promise<Finding[]> {
  const { source, spec, selection } = facts;
  // A spec that an older version completed has no fence.
  const cutover = (spec as Partial<typeof spec>).cutover;
  if (!cutover) return [];
  const { end, user, database } = source.endpoint;
  const told = new Set(ownersToJoin(facts));
  const tables = selection.selected
    .filter(({ kind, persistence, owner }) => 'rp'.includes(kind) && persistence === 'p' && !told.has(owner))
    .map(({ qualified }) => qualified);
  const lacks = [
    { scope: `${end}.database ${database}`, lack: await lackToClose(source) },
    { scope: `${end}.role ${user}`, lack: await lackToEnd(source) },
    { scope: end, lack: cutover.fence === 'lock' ? await lackToLock(source, tables) : undefined },
    ...(await lacksToDeny(source, cutover.denyLogin)).map(({ role, lack }) => ({
      scope: `${end}.role ${role}`,
      lack,
    })),
  ];
  const id = 'cutover.privileges';
  const found = lacks.flatMap(({ scope, lack }): Finding[] =>
    lack === undefined
      ? []
      : [
          {
            id,
            scope,
            verdict: 'warn',
            why: `For a cutover: ${lack.why}.`,
            remedy: lack.remedy ?? 'Correct cutover.denyLogin in the spec.',
          },
        ],
  );
  if (found.length > 0) return capFindings(found);
  return [{ id, scope: end, verdict: 'ok', why: `${user} may do on the ${end} what a cutover needs.` }];
}
