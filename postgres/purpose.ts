/**
 * The application_name of a session of ours, how people and later attempts know it: `pgtrek:orders:9f8e7d6c:copy`. The
 * third part is the end of the owner, so that two runs of one name never end each other's sessions; `check` before
 * there is an owner. At most 63 bytes count.
 */
export function purposeOf(migration: string, owner: string | undefined, step: string): string {
  return `${purposePrefix(migration, owner)}${step}`;
}

/** What the names of all sessions of a run begin with. */
export function purposePrefix(migration: string, owner: string | undefined): string {
  return `pgtrek:${migration}:${owner?.slice(-8) ?? 'check'}:`;
}
