/** The application_name of a session of ours: `pgtrek:orders:copy`, how people and later attempts know it. */
export function purposeOf(migration: string, step: string): string {
  return `pgtrek:${migration}:${step}`;
}
