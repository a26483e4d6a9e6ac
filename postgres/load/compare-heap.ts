/** Whether a table is still the one, and lies where it lay, when the lane was made. */
import { readFilenodes } from '../lane/publication.js';
import type { Session } from '../session.js';

export interface NotedHeap {
  oid: number;
  qualified: string;
  /** Where the rows lay before the slot existed. */
  heap: number | null;
  toast: number | null;
}

/** The snapshot shows the table no longer, or not whole. The message says why. */
export class TableRewritten extends Error {}

/**
 * A snapshot sees too few rows of a heap that was rewritten after it, and the server gives no error. After a COPY, whose
 * session still holds ACCESS SHARE: nothing can rewrite the table between this look and the commit. Throws TableRewritten.
 */
export async function compareHeap(source: Session, table: NotedHeap): Promise<void> {
  const [now] = await readFilenodes(source, [table.oid]);
  // COPY went by name: another table may have taken it meanwhile.
  const { named } = await source.one<{ named: number | null }>(
    'SELECT /* pgtrek: look-up-name */ to_regclass($1)::oid AS named',
    [table.qualified],
  );
  if (named !== table.oid) {
    throw new TableRewritten(`${table.qualified} was renamed or dropped on the source during the load.`);
  }
  if (now?.heap !== table.heap || now.toast !== table.toast) {
    throw new TableRewritten(
      `${table.qualified} was rewritten or truncated on the source during the load (VACUUM FULL, CLUSTER, TRUNCATE, some ALTER TABLE).`,
    );
  }
}
