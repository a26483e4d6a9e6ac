/** A lane's publication: an explicit list of tables plus the lane's journal, complete before the slot exists. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { explained, sqlState } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { claimTables } from '../ledger/lane-tables.js';
import { closed, findPartialTables } from '../partial-tables.js';
import { isWayBack, requireLoaded } from '../reverse/way-back.js';
import type { Session } from '../session.js';
import { findUnidentified } from '../validate/replica-identity.js';
import { compareSchema } from '../load/compare-schema.js';
import { takeOver } from '../take-over.js';
import { addJournal } from './given-publication.js';
import { disarmChanges } from './ddl-stop.js';
import { createDdlTrigger, stopsAtChanges } from './ddl-trigger.js';
import { enterGroups } from './enter-groups.js';
import { createJournal, journalTable, ownerComment } from './journal.js';
import { givenStart, lanesOf } from './lane-names.js';

/** Tables as the publication lists them: a partitioned table stands for its leaves. Unlogged tables cannot be listed. */
const PUBLISHED_SQL = `
  SELECT /* pgtrek: read-published */ qualified, kind, filter,
    (parse_ident(qualified))[1] AS schema, (parse_ident(qualified))[2] AS name
  FROM pgtrek.relation
  WHERE owner = $1 AND lane = $2 AND kind IN ('r', 'p') AND root = id AND is_logged AND has_data
  ORDER BY id`;

interface PublishedTable {
  qualified: string;
  kind: string;
  filter: string;
  schema: string;
  name: string;
}

function readPublished(target: Session, owner: string, lane: LaneName): Promise<PublishedTable[]> {
  return target.query<PublishedTable & Record<string, unknown>>(PUBLISHED_SQL, [owner, lane]);
}

/**
 * Gives the lane the tables that belong to none, and notes where their rows lie; for a lane that will stream, makes the
 * journal and the publication, and checks that it is complete: a slot that is older than its publication loses changes
 * without an error. `tables`: as the publication counts them; `waiting`: relations that are for a lane to come. Throws
 * SUPERSEDED when the lane was given up, LOAD_OR_WAY_BACK for the way back of a load that is not over.
 */
export async function publishLane(job: Job, lane: LaneName): Promise<{ tables: number; waiting: number }> {
  return withEnds(job, 'publish', async (source, target) => {
    await takeOver(target, job.owner, 'publish');
    const isBack = await isWayBack(job, source);
    if (isBack) await requireLoaded(source, job.owner);
    const lanes = lanesOf(job.spec);
    if (lanes > 1) await enterGroups(source, target, { owner: job.owner, lanes });
    const { waiting } = await claimTables(target, job.owner, { lane, inGroups: lanes > 1 });
    await noteFilenodes(job, lane, source, target);
    if (job.spec.mode === 'full-load') return { tables: 0, waiting };
    const tables = await readPublished(target, job.owner, lane);
    await requireIdentities(job.owner, lane, source, target);
    await createJournal(source, lane, job.owner);
    if (stopsAtChanges(job.spec)) {
      await createDdlTrigger(job, source);
      // A load follows, in which nobody watches the lanes that there are.
      await disarmChanges(target, job.owner);
    }
    const given = givenStart(job.spec);
    if (given) {
      await addJournal(source, given.publication, lane);
      return { tables: tables.length, waiting };
    }
    await explained(
      { doing: `create publication ${lane} on the source`, object: lane, remedy: PRIVILEGE_REMEDY },
      () =>
        createPublication(job, source, { lane, tables, isBack }).catch((error) =>
          tellChange(job, source, error),
        ),
    );
    await checkPublication(source, lane, tables.length + 1);
    return { tables: tables.length, waiting };
  });
}

const SENT_SQL = `
  SELECT /* pgtrek: read-sent */ oid, qualified FROM pgtrek.relation
  WHERE owner = $1 AND lane = $2 AND kind IN ('r', 'p') AND is_logged AND has_data ORDER BY id`;

/** validate has looked at those that there were then; a table may be new since. Throws VALIDATION_FAILED. */
async function requireIdentities(
  owner: string,
  lane: LaneName,
  source: Session,
  target: Session,
): Promise<void> {
  const tables = await target.query<{ oid: number; qualified: string }>(SENT_SQL, [owner, lane]);
  const missing = await findUnidentified(source, tables);
  const [first] = missing;
  if (!first) return;
  const others = missing.length > 1 ? ` So it is with ${String(missing.length - 1)} more.` : '';
  throw new PgtrekError('VALIDATION_FAILED', `${first.why}${others}`, {
    object: first.qualified,
    remedy: `On the source: ${first.remedy} Then retry.`,
  });
}

/** A table that is gone, or no longer as it was dumped, is a change of the schema. */
async function tellChange(job: Job, source: Session, error: unknown): Promise<never> {
  // Undefined table, column, schema; of another kind.
  if (['42P01', '42703', '3F000', '42809'].includes(sqlState(error) ?? ''))
    await source.read(() => compareSchema(job, source));
  throw error;
}

const PRIVILEGE_REMEDY =
  'The source user needs CREATE on the database and must own every table, or be a member of its owner.';

async function createPublication(
  job: Job,
  source: Session,
  { lane, tables, isBack }: { lane: LaneName; tables: PublishedTable[]; isBack: boolean },
): Promise<void> {
  const [existing] = await source.query('SELECT FROM pg_publication WHERE pubname = $1', [lane]);
  if (existing) return;
  const partial = findPartialTables(job.spec.select, tables);
  const list = [
    ...tables.map((table) => publishedAs(table, partial.get(table)?.columns)),
    journalTable(lane),
  ].join(', ');
  const viaRoot = source.version >= 130000 ? ', publish_via_partition_root = true' : '';
  await source.transaction(async () => {
    // Again, so that no load begins before it is there.
    if (isBack) await requireLoaded(source, job.owner);
    // Each table is locked for a moment; behind a long ALTER this must give up, or writers wait behind it.
    await source.query(`SET LOCAL lock_timeout = '5s'`);
    await source.query(`
      CREATE /* pgtrek: create-publication */ PUBLICATION ${escapeIdentifier(lane)}
      FOR TABLE ${list}
      WITH (publish = 'insert, update, delete, truncate'${viaRoot})`);
    await source.query(
      `COMMENT ON PUBLICATION ${escapeIdentifier(lane)} IS ${escapeLiteral(ownerComment(job.owner))}`,
    );
  });
}

/**
 * A table as CREATE PUBLICATION lists it, with `columns` (plain names) from 15 on and the rows that meet its filter.
 * ONLY: the children of an inheritance tree are listed themselves, where they are selected.
 */
export function publishedAs(
  { kind, qualified, filter }: Pick<PublishedTable, 'kind' | 'qualified' | 'filter'>,
  columns?: string[],
): string {
  const table = kind === 'r' ? `ONLY ${qualified}` : qualified;
  const list = columns ? ` (${columns.map(escapeIdentifier).join(', ')})` : '';
  return `${table}${list}${filter === '' ? '' : ` WHERE (${closed(filter)})`}`;
}

const COUNT_SQL = `
  SELECT /* pgtrek: check-publication */ count(*)::int AS tables
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = $1`;

async function checkPublication(source: Session, lane: LaneName, expected: number): Promise<void> {
  const { tables } = await source.one<{ tables: number }>(COUNT_SQL, [lane]);
  if (tables === expected) return;
  throw new PgtrekError(
    'PUBLICATION_INCOMPLETE',
    `Publication ${lane} on the source lists ${tables} tables, not ${expected}: it was changed, or a table was dropped.`,
    { object: lane, remedy: `DROP PUBLICATION ${escapeIdentifier(lane)}; then retry.` },
  );
}

const FILENODES_SQL = `
  SELECT /* pgtrek: read-filenodes */ o.oid, pg_relation_filenode(o.oid) AS heap,
    pg_relation_filenode(nullif(c.reltoastrelid, 0)) AS toast
  FROM unnest($1::oid[]) AS o (oid) LEFT JOIN pg_class c ON c.oid = o.oid`;

export interface Filenode {
  oid: number;
  heap: number | null;
  toast: number | null;
}

/** Where the rows of these tables lie now; a rewrite (VACUUM FULL, CLUSTER, some ALTERs, TRUNCATE) moves them. */
export function readFilenodes(source: Session, oids: number[]): Promise<Filenode[]> {
  return source.query<Filenode & Record<string, unknown>>(FILENODES_SQL, [oids]);
}

const NOTE_SQL = `
  INSERT /* pgtrek: note-filenodes */ INTO pgtrek.filenode (owner, lane, relation, heap, toast)
  SELECT $1, $2, r.id, f.heap, f.toast
  FROM unnest($3::oid[], $4::oid[], $5::oid[]) AS f (oid, heap, toast)
    JOIN pgtrek.relation r ON r.owner = $1 AND r.oid = f.oid
  ON CONFLICT (owner, lane, relation) DO NOTHING`;

/** The first note counts: a second attempt must not take a rewritten heap for the one that the snapshot sees. */
async function noteFilenodes(job: Job, lane: LaneName, source: Session, target: Session): Promise<void> {
  const tables = await target.query<{ oid: number }>(
    `SELECT oid FROM pgtrek.relation WHERE owner = $1 AND lane = $2 AND kind = 'r' AND has_data`,
    [job.owner, lane],
  );
  const nodes = await readFilenodes(
    source,
    tables.map(({ oid }) => oid),
  );
  await target.query(NOTE_SQL, [
    job.owner,
    lane,
    nodes.map(({ oid }) => oid),
    nodes.map(({ heap }) => heap),
    nodes.map(({ toast }) => toast),
  ]);
}
