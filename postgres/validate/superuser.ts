import type { Session } from '../session.js';

const SUPERUSER_SQL = `
  SELECT /* pgtrek: validate superuser */ rolsuper AS super FROM pg_roles WHERE rolname = current_user`;

/** Whether our own role is one. */
export async function isSuperuser(session: Session): Promise<boolean> {
  return (await session.one<{ super: boolean }>(SUPERUSER_SQL)).super;
}
