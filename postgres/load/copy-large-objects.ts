/** Copies large objects from the lane's snapshot, batch after batch; what the ledger knows is not copied again. */
import type { LaneName } from '../../contract/names.js';
import { explained, sqlState } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { cutBatches, readBatchSize } from '../large-objects/batch.js';
import type { LargeObject } from '../large-objects/batch.js';
import { countLargeObjects, findTaken, oidsOf, takenError } from '../large-objects/objects.js';
import { removeOfGivenUpLanes } from '../large-objects/remove.js';
import { bringRights } from '../large-objects/rights.js';
import { sendObjects } from '../large-objects/send.js';
import { requireLoading } from '../ledger/lane-tables.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { inSnapshot } from './import-snapshot.js';

interface Order {
  job: Job;
  lane: LaneName;
  source: Session;
  target: Session;
  onBytes: (bytes: number) => void;
}

/**
 * `snapshots`: names of the lane's snapshot. Returns how many large objects it shows, all of which are on the target
 * then, and their bytes. Throws SNAPSHOT_LOST, LARGE_OBJECT_EXISTS before anything is written, COPY_FAILED.
 */
export async function copyLargeObjects(
  job: Job,
  { lane, snapshots }: { lane: LaneName; snapshots: string[] },
  onProgress: (text: string) => void,
): Promise<{ objects: number; bytes: string }> {
  return withEnds(job, 'large-objects', async (source, target) => {
    await takeOver(target, job.owner, 'large-objects');
    await removeOfGivenUpLanes(target, job.owner);
    return inSnapshot(source, snapshots, async () => {
      const taken = await findTaken(source, target, job.owner);
      if (taken.length > 0) throw takenError(taken);
      return copyAll({ job, lane, source, target }, onProgress);
    });
  });
}

async function copyAll(
  ends: Omit<Order, 'onBytes'>,
  onProgress: (text: string) => void,
): Promise<{ objects: number; bytes: string }> {
  const { source, target, job } = ends;
  const all = await countLargeObjects(source);
  const size = await readBatchSize(target);
  let objects = 0;
  let bytes = 0n;
  const tell = (more = 0) => onProgress(`large objects: ${objects} of ${all}, ${bytes + BigInt(more)} bytes`);
  for await (const page of readPages(source)) {
    const known = await readKnown(target, job.owner, page);
    const missing = page.filter(({ oid }) => !known.has(oid));
    for (const batch of cutBatches(missing, size)) {
      let sent = 0;
      await copyBatch({ ...ends, onBytes: (more) => tell((sent += more)) }, batch);
    }
    objects += page.length;
    bytes += page.reduce((sum, each) => sum + BigInt(each.bytes), 0n);
    tell();
  }
  return { objects, bytes: bytes.toString() };
}

// An open object is closed again row by row: descriptors live in the server's memory. 262144 is INV_READ, 2 is the end.
const PAGE_SQL = `
  SELECT /* pgtrek: read-large-object-sizes */ oid, bytes, lo_close(fd)
  FROM (
    SELECT oid, fd, lo_lseek64(fd, 0, 2) AS bytes
    FROM (
      SELECT oid, lo_open(oid, 262144) AS fd
      FROM (SELECT oid FROM pg_largeobject_metadata WHERE oid > $1 ORDER BY oid LIMIT 1000) AS page
    ) AS opened
  ) AS sized`;

/** In the snapshot, by oid. */
async function* readPages(source: Session): AsyncGenerator<LargeObject[]> {
  for (let last = 0; ;) {
    const rows = await source.query<{ oid: number; bytes: string }>(PAGE_SQL, [last]);
    const page = rows.map(({ oid, bytes }) => ({ oid, bytes: Number(bytes) }));
    const end = page.at(-1);
    if (!end) return;
    yield page;
    last = end.oid;
  }
}

const KNOWN_SQL = `
  SELECT /* pgtrek: read-copied-large-objects */ oid FROM pgtrek.large_object
  WHERE owner = $1 AND oid = ANY ($2::oid[])`;

async function readKnown(target: Session, owner: string, page: LargeObject[]): Promise<Set<number>> {
  return new Set(oidsOf(await target.query<{ oid: number }>(KNOWN_SQL, [owner, oidsOf(page)])));
}

const RECORD_SQL = `
  INSERT /* pgtrek: record-large-objects */ INTO pgtrek.large_object (owner, lane, oid)
  SELECT $1, $2, o.oid FROM unnest($3::oid[]) AS o (oid)`;

const REMEDY =
  'Mend what the message names (a role, a privilege, space) and retry; or select.largeObjects: skip, and start again.';

/** One transaction on the target, which holds the lane's row: a lane that was given up writes no more. */
async function copyBatch({ job, lane, source, target, onBytes }: Order, batch: LargeObject[]): Promise<void> {
  const oids = oidsOf(batch);
  const object =
    batch.length === 1
      ? `large object ${String(oids[0])}`
      : `large objects ${String(oids[0])} to ${String(oids.at(-1))}`;
  await explained({ code: 'COPY_FAILED', doing: `copy ${object}`, object, remedy: REMEDY }, () =>
    target
      .transaction(async () => {
        await requireLoading(target, job.owner, lane);
        await sendObjects({ source, target }, batch, onBytes);
        await bringRights({ source, target }, job.spec.schema, oids);
        await target.query(RECORD_SQL, [job.owner, lane, oids]);
      })
      .catch((error: unknown) => {
        // Somebody has made one of these since it was looked for.
        throw sqlState(error) === '23505' ? takenError(oids) : error;
      }),
  );
}
