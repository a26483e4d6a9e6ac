/** The content of large objects: binary COPY into a temporary table of the target, and from there by lo_put. */
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import type { Session } from '../session.js';
import { BATCH_BYTES } from './batch.js';
import type { LargeObject } from './batch.js';

/** One value on its way: small enough for any memory, and a multiple of the 2 kB that a page of an object holds. */
const CHUNK = 256 * 1024;

/** Bytes `first` to `last` of an object, the last not included. */
interface Range {
  oid: number;
  first: number;
  last: number;
}

export interface Ends {
  source: Session;
  target: Session;
}

// Made and dropped with the transaction: only then does TRUNCATE give its space back at once.
const STAGE_SQL = `
  CREATE /* pgtrek: stage-large-objects */ TEMPORARY TABLE pg_temp.pgtrek_chunk (oid oid, at bigint, content bytea)
  ON COMMIT DROP`;

const CREATE_SQL = `
  SELECT /* pgtrek: create-large-objects */ lo_create(o.oid) FROM unnest($1::oid[]) AS o (oid)`;

const PUT_SQL = `
  SELECT /* pgtrek: put-large-objects */ count(lo_put(oid, at, content)) FROM pg_temp.pgtrek_chunk`;

// 131072 is INV_WRITE.
const LENGTH_SQL = `
  SELECT /* pgtrek: set-lengths */ lo_truncate64(opened.fd, opened.bytes), lo_close(opened.fd)
  FROM (
    SELECT lo_open(o.oid, 131072) AS fd, o.bytes FROM unnest($1::oid[], $2::bigint[]) AS o (oid, bytes)
  ) AS opened`;

/**
 * Creates the objects in the target's transaction, with the oids and the content that they have in the source's
 * snapshot. What is staged at a time is no more than BATCH_BYTES, whatever the size of an object.
 */
export async function sendObjects(
  ends: Ends,
  objects: LargeObject[],
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { target } = ends;
  await target.query(STAGE_SQL);
  // Compressing what is read once, a moment later, only costs.
  await target.query('ALTER TABLE pg_temp.pgtrek_chunk ALTER content SET STORAGE EXTERNAL');
  await target.query(CREATE_SQL, [objects.map(({ oid }) => oid)]);
  for (const ranges of cutRanges(objects)) {
    await stageRanges(ends, ranges);
    await target.query(PUT_SQL);
    await target.query('TRUNCATE pg_temp.pgtrek_chunk');
    onBytes(ranges.reduce((sum, { first, last }) => sum + last - first, 0));
  }
  // Chunks of zeros do not travel, and one of them may have been the last.
  const long = objects.filter(({ bytes }) => bytes >= CHUNK);
  await target.query(LENGTH_SQL, [long.map(({ oid }) => oid), long.map(({ bytes }) => bytes)]);
}

/** Several whole objects at once, or one that is bigger in pieces. */
function* cutRanges(objects: LargeObject[]): Generator<Range[]> {
  const [only] = objects;
  if (objects.length === 1 && only && only.bytes > BATCH_BYTES) {
    for (let first = 0; first < only.bytes; first += BATCH_BYTES)
      yield [{ oid: only.oid, first, last: Math.min(first + BATCH_BYTES, only.bytes) }];
    return;
  }
  const filled = objects.filter(({ bytes }) => bytes > 0);
  if (filled.length > 0) yield filled.map(({ oid, bytes }) => ({ oid, first: 0, last: bytes }));
}

// OFFSET 0 keeps the planner from calling lo_get twice. A hole of a sparse object reads as zeros: it stays a hole.
function chunksSql(ranges: Range[]): string {
  const list = (values: number[]) => `'{${values.join(',')}}'`;
  return `
    SELECT oid, at, content
    FROM (
      SELECT r.oid, c.at, lo_get(r.oid, c.at, ${CHUNK}) AS content
      FROM unnest(
          ${list(ranges.map(({ oid }) => oid))}::oid[],
          ${list(ranges.map(({ first }) => first))}::bigint[],
          ${list(ranges.map(({ last }) => last))}::bigint[]) AS r (oid, first, last),
        generate_series(r.first, r.last - 1, ${CHUNK}) AS c (at)
      OFFSET 0
    ) AS chunk
    WHERE content <> decode(repeat('00', ${CHUNK}), 'hex')`;
}

async function stageRanges({ source, target }: Ends, ranges: Range[]): Promise<void> {
  const output = source.client.query(
    copyTo(`COPY (/* pgtrek: read-large-objects */ ${chunksSql(ranges)}) TO STDOUT (FORMAT binary)`),
  );
  const input = target.client.query(copyFrom('COPY pg_temp.pgtrek_chunk FROM STDIN (FORMAT binary)'));
  try {
    await pipeline(output, input);
  } catch (error) {
    source.destroy();
    target.destroy();
    throw error;
  }
}
