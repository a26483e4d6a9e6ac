/** Copies what one activity copies: the tables of a batch one after the other, or one part of a table. */
import type { Batch, CopiedPart, CopyResult } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { CopyFigures } from '../../contract/state.js';
import { isRetryable } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { copyTable } from './copy-table.js';
import type { CopyOrder, TableToCopy } from './copy-table.js';
import { Pace } from './pace.js';

export interface BatchOrder {
  /** Names of the same snapshot. */
  snapshots: string[];
  batch: Batch;
  /** At most. */
  bytesPerSecond?: number | undefined;
}

/**
 * What the ledger knows as copied in this lane is not copied again. A table that the snapshot shows no longer, or not
 * whole, becomes an entry of `rewritten`, and the next one follows. Throws SNAPSHOT_LOST, or COPY_FAILED.
 */
export async function copyBatch(
  job: Job,
  lane: LaneName,
  { snapshots, batch, bytesPerSecond }: BatchOrder,
  onProgress: (figures: CopyFigures) => void,
): Promise<CopyResult> {
  const result: CopyResult = { copied: [], rewritten: [] };
  const failures: PgtrekError[] = [];
  const pace = bytesPerSecond === undefined ? undefined : new Pace(bytesPerSecond);
  let left: TableToCopy[] | undefined;
  do {
    left = await withEnds(job, 'copy', async (source, target) => {
      const tables = left ?? (await readBatch(target, { job, lane, batch, result }));
      await copyUntilBroken({ job, lane, snapshots, source, target, pace }, tables, {
        result,
        failures,
        onProgress,
      });
      return tables;
    });
  } while (left.length > 0);
  const [failure] = failures;
  if (failure) throw failure;
  return result;
}

interface Outcome {
  result: CopyResult;
  /** Of tables that a person must mend: told when the others are in. */
  failures: PgtrekError[];
  onProgress: (figures: CopyFigures) => void;
}

/** Takes tables from `left`. Ends behind one that could not be copied, which leaves sessions that can do nothing else. */
async function copyUntilBroken(
  order: Omit<CopyOrder, 'onBytes'>,
  left: TableToCopy[],
  { result, failures, onProgress }: Outcome,
): Promise<void> {
  for (let table = left.shift(); table; table = left.shift()) {
    const { id, qualified, part, bytes: bytesPlanned } = table;
    const figures = {
      kind: 'copy',
      table: qualified,
      ...(part === 0 ? {} : { part }),
      bytesPlanned,
    } as const;
    const onBytes = (bytes: number) => onProgress({ ...figures, bytes: String(bytes) });
    onBytes(0);
    const outcome = await copyTable({ ...order, onBytes }, table).catch(whatBlocks);
    if (outcome instanceof PgtrekError) {
      failures.push(outcome);
      return;
    }
    if ('rewritten' in outcome) {
      result.rewritten.push({ id, table: qualified, why: outcome.rewritten });
      return;
    }
    result.copied.push(outcome.copied);
  }
}

/** What no other attempt can mend, and no other table shares; the rest is thrown. */
function whatBlocks(error: unknown): PgtrekError {
  if (error instanceof PgtrekError && error.code !== 'SNAPSHOT_LOST' && !isRetryable(error)) return error;
  throw error;
}

const TABLES_SQL = `
  SELECT /* pgtrek: read-batch */ r.id, r.oid, r.qualified, r.columns, r.is_binary AS "isBinary", r.filter,
    CASE WHEN root.id <> r.id THEN quote_ident((parse_ident(root.qualified))[2]) END AS alias,
    $4::int AS part, p.condition, f.heap, f.toast,
    CASE WHEN $4 = 0 THEN r.bytes ELSE r.bytes / (
      SELECT greatest(count(*), 1) FROM pgtrek.part a WHERE a.owner = r.owner AND a.relation = r.id) END AS bytes
  FROM pgtrek.relation r
    LEFT JOIN pgtrek.relation root ON root.owner = r.owner AND root.id = r.root
    LEFT JOIN pgtrek.part p ON p.owner = r.owner AND p.relation = r.id AND p.part = $4
    LEFT JOIN pgtrek.filenode f ON f.owner = r.owner AND f.lane = $2 AND f.relation = r.id
  WHERE r.owner = $1 AND r.id = ANY ($3::int[])
    AND ($4 = 0 OR p.condition IS NOT NULL)
    AND NOT EXISTS (
      SELECT FROM pgtrek.copied c
      WHERE c.owner = r.owner AND c.lane = $2 AND c.relation = r.id AND c.part IN (0, $4))
  ORDER BY array_position($3::int[], r.id)`;

const COPIED_SQL = `
  SELECT /* pgtrek: read-copied */ c.relation AS id, r.qualified AS table, nullif(c.part, 0) AS part, c.rows, c.bytes
  FROM pgtrek.copied c JOIN pgtrek.relation r ON r.owner = c.owner AND r.id = c.relation
  WHERE c.owner = $1 AND c.lane = $2 AND c.relation = ANY ($3::int[]) AND c.part IN (0, $4)
  ORDER BY c.relation, c.part`;

type CopiedRow = Omit<CopiedPart, 'part'> & { part: number | null };

interface BatchToRead {
  job: Job;
  lane: LaneName;
  batch: Batch;
  /** Gets what is copied already. */
  result: CopyResult;
}

/** What is left. In one snapshot: what another attempt commits meanwhile must be neither in both lists nor in none. */
async function readBatch(target: Session, { job, lane, batch, result }: BatchToRead): Promise<TableToCopy[]> {
  const values = [job.owner, lane, batch.tables, batch.part ?? 0];
  const { copied, left } = await target.read(async () => ({
    copied: await target.query<CopiedRow & Record<string, unknown>>(COPIED_SQL, values),
    left: await target.query<TableToCopy & Record<string, unknown>>(TABLES_SQL, values),
  }));
  if (copied.length + left.length !== batch.tables.length)
    throw new PgtrekError('INTERNAL_ERROR', `The ledger does not know all of the batch ${batch.label}.`);
  result.copied.push(...copied.map(({ part, ...facts }) => (part === null ? facts : { ...facts, part })));
  return left;
}
