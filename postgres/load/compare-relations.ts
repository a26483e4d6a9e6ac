/** The tables that a snapshot sees against those that were dumped, where the dump took no fingerprint (pgtrek 0.1). */
import { PgtrekError } from '../../contract/errors.js';
import type { Job } from '../job.js';
import { readColumns } from '../schema/read-definitions.js';
import { readRelations, selectRelations } from '../selection.js';
import type { Session } from '../session.js';

const DUMPED_SQL = `
  SELECT /* pgtrek: read-dumped */ r.oid || ' ' || r.kind || ' ' || r.qualified || ' (' || r.columns || ')' ||
    CASE WHEN r.is_partition THEN ' partition' ELSE '' END AS line
  FROM pgtrek.relation r WHERE r.owner = $1 AND r.kind IN ('r', 'p')`;

/** Throws SCHEMA_CHANGED; `keeper` reads in the snapshot. */
export async function compareRelations(job: Job, keeper: Session, target: Session): Promise<void> {
  const { selected } = selectRelations(await readRelations(keeper), job.spec.select);
  const tables = selected.filter(({ kind }) => kind === 'r' || kind === 'p');
  const columns = await readColumns(
    keeper,
    tables.filter(({ kind }) => kind === 'r').map(({ oid }) => oid),
  );
  const now = tables.map(
    ({ oid, kind, qualified, partitionOf }) =>
      `${String(oid)} ${kind} ${qualified} (${columns.get(oid)?.columns ?? ''})${partitionOf === null ? '' : ' partition'}`,
  );
  const rows = await target.query<{ line: string }>(DUMPED_SQL, [job.owner]);
  const dumped = rows.map(({ line }) => line);
  const changed = [...difference(now, dumped), ...difference(dumped, now)];
  if (changed.length === 0) return;
  throw new PgtrekError(
    'SCHEMA_CHANGED',
    `The schema of the source has changed since it was dumped: ${namesOf(changed).join(', ')}.`,
    {
      remedy: `pgtrek restart ${job.name} --drop-target, which drops what was restored and begins again with the new schema.`,
    },
  );
}

function difference(a: string[], b: string[]): string[] {
  const known = new Set(b);
  return a.filter((line) => !known.has(line));
}

/** Each table once, whether it is new, gone, or another than it was. */
function namesOf(lines: string[]): string[] {
  const names = lines.map((line) => line.replace(/^\d+ \w /, '').replace(/ \(.*$/, ''));
  return [...new Set(names)].slice(0, 10);
}
