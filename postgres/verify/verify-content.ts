/** Compares both databases inside both servers: no row travels. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LaneName } from '../../contract/names.js';
import type { Verification, VerifyKind } from '../../contract/verification.js';
import { messageOf, sqlState } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { countLargeObjects } from '../large-objects/objects.js';
import { Pace } from '../load/pace.js';
import { cutTable } from './chunks.js';
import type { Range } from './chunks.js';
import { compareChunk } from './compare.js';
import { chooseHash, prepare } from './content.js';
import type { Content, Ends, Hash } from './content.js';
import { compareSchemas } from './compare-schemas.js';
import { compareSequences } from './compare-sequences.js';
import { STILL, createPassage } from './passage.js';
import type { Passage } from './passage.js';
import { repairRows } from './repair.js';
import { verifySettings } from './settings.js';
import { readTablesToCompare } from './tables.js';
import type { ComparedTable, TablesToCompare } from './tables.js';
import { Tally } from './tally.js';

export interface VerifyAsked {
  kind: VerifyKind;
  lanes: LaneName[];
  /** Patterns; absent: all tables that the migration carries. */
  tables?: string[] | undefined;
  /** Only kind `point`: rows that are told as different are made on the target as they are on the source. */
  repair?: boolean | undefined;
  onStep: (text: string) => void;
}

/** Writes nothing but heartbeats, and the rows that are mended; throws only what keeps it from comparing. */
export async function verifyContent(job: Job, asked: VerifyAsked): Promise<Verification> {
  const begunAt = new Date().toISOString();
  const tally = new Tally();
  const { hash, passage, ...found } = await plan(job, asked);
  const order: Order = { job, asked, hash, passage, tally };
  const differing = await compareTables(order, found);
  const repaired = asked.repair === true && asked.kind === 'point' ? await mend(order, differing) : undefined;
  asked.onStep('comparing schemas and sequences');
  const rest = await withEnds(job, 'verify', async (source, target) => {
    const ends = { source, target };
    const schema = await compareSchemas(job, ends, asked.tables);
    const sequences = await compareSequences(job, ends, asked);
    await leaveOutOthers(ends, asked, tally);
    for (const { table, why } of [...schema.notCompared, ...sequences.notCompared])
      tally.leaveOut(table, why);
    return { schema: schema.changes, schemaTotal: schema.total, sequences: sequences.differing };
  });
  const summary = tally.summary();
  return {
    kind: asked.kind,
    begunAt,
    endedAt: new Date().toISOString(),
    equal: summary.differingTables === 0 && rest.schemaTotal === 0 && rest.sequences.length === 0,
    ...summary,
    ...rest,
    ...(repaired === undefined ? {} : { repaired: String(repaired) }),
  };
}

interface Order {
  job: Job;
  asked: VerifyAsked;
  hash: Hash;
  passage: Passage;
  tally: Tally;
}

async function plan(
  job: Job,
  { kind, lanes, tables: patterns }: VerifyAsked,
): Promise<TablesToCompare & { hash: Hash; passage: Passage }> {
  return withEnds(job, 'verify', async (source, target) => {
    const ends = { source, target };
    const flows = kind === 'online' || lanes.length > 0;
    return {
      ...(await readTablesToCompare(ends, job.spec, { patterns, flows })),
      hash: await chooseHash(ends),
      passage: kind === 'online' ? await createPassage(job, ends, lanes) : STILL,
    };
  });
}

interface Chunk {
  table: ComparedTable;
  range: Range;
  /** About. */
  bytes: number;
}

/** Chunks that differ. */
async function compareTables(order: Order, found: TablesToCompare): Promise<Chunk[]> {
  const { job, tally, asked } = order;
  for (const { table, why } of found.notCompared) tally.leaveOut(table, why);
  await countMissing(job, found.missing, tally);
  tally.tables += found.tables.length;
  const progress = progressOf(found.tables, asked.onStep);
  const differing: Chunk[] = [];
  await withEnds(job, 'verify-plan', async (source) => {
    const chunks = chunksOf(order, source, found.tables);
    await inParallel(order, chunks, async (ends, chunk) => {
      const differs = await compareOne(order, ends, chunk);
      if (differs) differing.push(chunk);
      progress(chunk.bytes);
    });
  });
  return differing;
}

/** Planned as they are wanted: a database of any size is held in no list. */
async function* chunksOf(
  { job, hash, tally }: Order,
  source: Ends['source'],
  tables: ComparedTable[],
): AsyncGenerator<Chunk> {
  const { chunkBytes: size, jobs } = verifySettings(job.spec);
  await prepare(source);
  for (const table of tables) {
    const content: Content = { table, hash };
    const ranges = await cutTable(source, content, { size, jobs }).catch((error: unknown) => {
      leaveTableOut(tally, table, error);
      return [];
    });
    for (const range of ranges) yield { table, range, bytes: table.bytes / ranges.length };
  }
}

/** Over as many sessions of both ends as the spec says. After a failure nothing new begins. */
async function inParallel(
  { job }: Order,
  chunks: AsyncGenerator<Chunk>,
  work: (ends: Ends, chunk: Chunk) => Promise<void>,
): Promise<void> {
  const { jobs, bytesPerSecond } = verifySettings(job.spec);
  const pace = bytesPerSecond === undefined ? undefined : new Pace(bytesPerSecond);
  const failures: unknown[] = [];
  const run = () =>
    withEnds(job, 'verify', async (source, target) => {
      const ends = { source, target };
      await Promise.all([prepare(source), prepare(target)]);
      for await (const chunk of chunks) {
        const wait = pace?.next(chunk.bytes) ?? 0;
        if (wait > 0) await delay(wait, undefined, job.signal ? { signal: job.signal } : {});
        await work(ends, chunk);
        if (failures.length > 0) return;
      }
    }).catch((error: unknown) => {
      failures.push(error);
    });
  await Promise.all(Array.from({ length: jobs }, run));
  if (failures.length > 0) throw failures[0];
}

async function compareOne(
  { asked, hash, passage, tally }: Order,
  ends: Ends,
  { table, range }: Chunk,
): Promise<boolean> {
  const look = { ends, content: { table, hash }, kind: asked.kind, passage, tally };
  try {
    const { source, target, differs } = await compareChunk(look, range);
    tally.addChunk(table.qualified, { source, target }, differs);
    return differs;
  } catch (error) {
    leaveTableOut(tally, table, error);
    return false;
  }
}

/**
 * No right to read, dropped or altered meanwhile, an operator or function that is not found, a value too large for text or
 * without a character in UTF8: others can be compared.
 */
const OF_ONE_TABLE = /^(42|54|22)|^XX000$/;

function leaveTableOut(tally: Tally, { qualified }: ComparedTable, error: unknown): void {
  if (!OF_ONE_TABLE.test(sqlState(error) ?? '')) throw error;
  tally.leaveOut(qualified, messageOf(error));
}

async function countMissing(job: Job, missing: TablesToCompare['missing'], tally: Tally): Promise<void> {
  if (missing.length === 0) return;
  await withEnds(job, 'verify', async (source) => {
    for (const { qualified, from, why } of missing) {
      const [count] = await source
        .query<{ rows: string }>(`SELECT /* pgtrek: count-rows */ count(*)::text AS rows FROM ${from}`)
        .catch(() => []);
      tally.addRows(qualified, { source: BigInt(count?.rows ?? 0), target: 0n }, 1);
      tally.leaveOut(qualified, why);
    }
  });
}

/** Tells how far it is, at most once a second. */
function progressOf(tables: ComparedTable[], onStep: (text: string) => void): (bytes: number) => void {
  const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  let toldAt = 0;
  return (bytes) => {
    done += bytes;
    if (Date.now() - toldAt < 1_000) return;
    toldAt = Date.now();
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    onStep(
      `comparing rows: ${String(percent)} % of ${String(tables.length)} tables, ${megabytes(done)} of ${megabytes(total)}`,
    );
  };
}

function megabytes(bytes: number): string {
  return `${String(Math.round(bytes / 1_048_576))} MB`;
}

/** What is told then is what differs still; chunks and rows are those of the first look. */
async function mend(order: Order, differing: Chunk[]): Promise<bigint> {
  const { job, tally, asked, hash } = order;
  if (tally.found.length === 0) return 0n;
  asked.onStep(`mending ${String(tally.found.length)} rows`);
  const rows = tally.found.splice(0);
  const mended = await repairRows(job, { rows, hash, leaveOut: (table, why) => tally.leaveOut(table, why) });
  for (const { table } of differing) tally.forgetDifferences(table.qualified);
  await inParallel(order, chunksAgain(differing), async (ends, { table, range }) => {
    const look = { ends, content: { table, hash }, kind: asked.kind, passage: order.passage, tally };
    const { differs } = await compareChunk(look, range);
    if (differs) tally.addRows(table.qualified, { source: 0n, target: 0n }, 1);
  });
  return mended;
}

async function* chunksAgain(chunks: Chunk[]): AsyncGenerator<Chunk> {
  yield* chunks;
}

async function leaveOutOthers(ends: Ends, { tables }: VerifyAsked, tally: Tally): Promise<void> {
  if (tables !== undefined && tables.length > 0) return;
  const objects = await countLargeObjects(ends.source);
  if (objects > 0)
    tally.leaveOut('large objects', `the content of ${String(objects)} large objects is not compared`);
}
