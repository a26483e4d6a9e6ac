/** What the lanes do not carry, and a cutover therefore leaves behind as it is on the target. */
import type { Job } from '../job.js';
import type { Session } from '../session.js';

const LEFT_SQL = `
  SELECT /* pgtrek: find-left-behind */
    ARRAY(SELECT qualified FROM pgtrek.relation WHERE owner = $1 AND kind = 'r' AND NOT is_logged AND has_data ORDER BY id) AS unlogged,
    ARRAY(SELECT qualified FROM pgtrek.relation WHERE owner = $1 AND kind = 'm' ORDER BY id) AS views`;

const LARGE_OBJECTS_SQL = `
  SELECT /* pgtrek: find-large-objects */ EXISTS (SELECT FROM pg_largeobject_metadata) AS found`;

/** Told before and after; the writers do not wait for it. */
export async function findLeftBehind(job: Job, source: Session, target: Session): Promise<string[]> {
  const { unlogged, views } = await target.one<{ unlogged: string[]; views: string[] }>(LEFT_SQL, [
    job.owner,
  ]);
  const { found } = await source.one<{ found: boolean }>(LARGE_OBJECTS_SQL);
  return [
    ...(unlogged.length > 0
      ? [`unlogged tables are not replicated, and stay as they were loaded: ${listed(unlogged)}`]
      : []),
    ...(views.length > 0
      ? [`materialized views are not replicated: REFRESH them on the new primary: ${listed(views)}`]
      : []),
    ...(found ? ['large objects are not replicated: those made or changed since the load are missing'] : []),
  ];
}

const TOLD = 10;

function listed(names: string[]): string {
  const told = names.slice(0, TOLD).join(', ');
  return names.length > TOLD ? `${told} and ${String(names.length - TOLD)} more` : told;
}
