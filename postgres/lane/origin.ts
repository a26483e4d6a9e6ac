/** How far a subscription has applied: known to its replication origin on the target. */
import type { Session } from '../session.js';

const PRIVILEGE_SQL = `
  SELECT /* pgtrek: may-read-progress */
    has_function_privilege('pg_replication_origin_progress(text, boolean)', 'EXECUTE')
      AND (rolsuper OR current_setting('server_version_num')::int >= 140000) AS granted
  FROM pg_roles WHERE rolname = current_user`;

/** It is for superusers, unless somebody granted it; before 14 that does not help. */
export async function mayReadProgress(target: Session): Promise<boolean> {
  return (await target.one<{ granted: boolean }>(PRIVILEGE_SQL)).granted;
}
