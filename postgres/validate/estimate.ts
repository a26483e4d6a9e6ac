/** What each stage will take: sizes from the catalogs, and what was measured while validating. */
import type { Estimate } from '../../contract/findings.js';
import type { Spec } from '../../contract/spec.js';
import { bytesOf } from '../../contract/values.js';
import { copiesByServer } from '../lane/lane-names.js';
import type { Selection } from '../selection.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import type { ReadSpeed } from './measure-read.js';
import type { Wal } from './measure-wal.js';
import {
  APPLIED,
  COPIED_BY_JOB,
  COPIED_BY_SERVER,
  DUMPED_BY_JOB,
  INDEXED_BY_JOB,
  JOBS_THAT_GAIN,
  STAGE_SECONDS,
  TABLE_SECONDS,
  TRIPS_OF_TABLE,
} from './paces.js';
import { roundAbout, tellBytes, tellMany, tellRate, tellSeconds } from './tell-figures.js';

export interface Measured {
  read: ReadSpeed | undefined;
  wal: Wal | undefined;
  /** To the farther end and back. */
  roundTripMs: number;
}

/** What there is to carry. */
interface Amount {
  tables: number;
  /** With TOAST. */
  bytes: number;
  largest: number;
  indexes: number;
  indexBytes: number;
}

/** What a stage takes, and why: `12 GB of rows at about 180 MB/s (…)`. */
interface Share {
  seconds: number;
  bytes?: number;
  how: string;
}

const FIGURES = 'docs/performance.md';

export async function estimateStages(facts: OnBoth, measured: Measured): Promise<Estimate[]> {
  const { spec } = facts;
  const amount = await readAmount(facts.source, facts.selection);
  if (spec.mode === 'cdc') {
    const how = 'nothing is loaded; the lane begins where it is told to';
    return [estimateOf('subscribe', [{ seconds: STAGE_SECONDS, how }])];
  }
  const withRows = spec.load.method === 'dump';
  const rows = await shareRows(facts, amount, measured);
  const load = [...rows, shareIndexes(spec, amount), shareTables(amount, measured)];
  const stages = [
    estimateOf('dump', [
      shareSchema('dump', amount),
      ...(withRows ? [shareDump(spec, amount, measured)] : []),
    ]),
    estimateOf('restore', [shareSchema('restore', amount), ...(withRows ? load : [])]),
    ...(withRows ? [] : [estimateOf('load', copiesByServer(spec) ? rows : load)]),
  ];
  if (spec.mode === 'full-load') return stages;
  const seconds = stages.reduce((sum, stage) => sum + stage.seconds, 0);
  return [...stages, ...estimateCatchUp(seconds, measured.wal)];
}

/** How long slots hold back WAL: from their making on, which is after the restore of the schema, until the lanes follow. */
export function secondsOfLoad(estimates: Estimate[]): number {
  return estimates
    .filter(({ stage }) => stage === 'load')
    .reduce((sum, { seconds }) => sum + seconds, STAGE_SECONDS);
}

function estimateOf(stage: Estimate['stage'], shares: Share[]): Estimate {
  const seconds = shares.reduce((sum, share) => sum + share.seconds, STAGE_SECONDS);
  const bytes = shares.reduce((sum, share) => sum + (share.bytes ?? 0), 0);
  return {
    stage,
    seconds: Math.max(1, roundAbout(Math.round(seconds))),
    ...(bytes > 0 ? { bytes: String(roundAbout(bytes)) } : {}),
    how: shares
      .map(({ how }) => how)
      .filter(Boolean)
      .join('; '),
  };
}

// Indexes of small tables are many, and to measure each opens it: they are taken as recorded.
const INDEXES_SQL = `
  SELECT /* pgtrek: validate estimates */ count(*)::int AS indexes,
    coalesce(sum(CASE WHEN t.bytes >= 1024 * 1024 THEN pg_relation_size(i.indexrelid)
      ELSE greatest(x.relpages, 0)::int8 * current_setting('block_size')::int END), 0)::text AS bytes
  FROM unnest($1::oid[], $2::int8[]) AS t (oid, bytes)
    JOIN pg_index i ON i.indrelid = t.oid
    JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind = 'i'`;

async function readAmount(source: Session, { selected, withoutData }: Selection): Promise<Amount> {
  const tables = selected.filter(({ kind, oid }) => kind === 'r' && !withoutData.has(oid));
  const bytes = tables.map((table) => Number(table.bytes));
  const found = await source.one<{ indexes: number; bytes: string }>(INDEXES_SQL, [
    tables.map(({ oid }) => oid),
    tables.map((table) => table.bytes),
  ]);
  return {
    tables: tables.length,
    bytes: bytes.reduce((sum, each) => sum + each, 0),
    largest: bytes.reduce((largest, each) => Math.max(largest, each), 0),
    indexes: found.indexes,
    indexBytes: Number(found.bytes),
  };
}

async function shareRows({ spec, target }: OnBoth, amount: Amount, measured: Measured): Promise<Share[]> {
  if (copiesByServer(spec)) return [await shareServersCopy(target, amount)];
  if (spec.load.method === 'dump') return [shareFromDisk(spec, amount)];
  return [shareStream(spec, amount, measured)];
}

/** Reading and writing are one pipe: the slower end counts. Parts spread over all jobs. */
function shareStream({ load }: Spec, { bytes }: Amount, { read }: Measured): Share {
  const jobs = Math.min(load.jobs, JOBS_THAT_GAIN);
  const limit = load.bytesPerSecond === undefined ? Infinity : (bytesOf(load.bytesPerSecond) ?? Infinity);
  const reading = (read?.bytesPerSecond ?? Infinity) * jobs;
  const rate = Math.min(reading, COPIED_BY_JOB * jobs, limit);
  const measured = read
    ? `${tellRate(read.bytesPerSecond)} by one reader, as read from ${read.table} just now`
    : 'no table was large enough to measure reading it';
  const reason =
    rate === limit
      ? `load.bytesPerSecond; ${measured}`
      : `${measured}; written at ${tellRate(COPIED_BY_JOB)} by each of ${jobs} jobs, as in ${FIGURES}`;
  return {
    seconds: bytes / rate,
    bytes,
    how: `${tellBytes(bytes)} of rows at about ${tellRate(rate)} (${reason})`,
  };
}

/** A table is one job's. */
function secondsApart({ bytes, largest }: Amount, byJob: number, jobs: number): number {
  return Math.max(bytes / (byJob * Math.min(jobs, JOBS_THAT_GAIN)), largest / byJob);
}

function shareDump({ load }: Spec, amount: Amount, { read }: Measured): Share {
  const byJob = Math.min(DUMPED_BY_JOB, read?.bytesPerSecond ?? Infinity);
  const source =
    byJob === DUMPED_BY_JOB || !read ? `as in ${FIGURES}` : `as read from ${read.table} just now`;
  return {
    seconds: secondsApart(amount, byJob, load.jobs),
    bytes: amount.bytes,
    how: `${tellBytes(amount.bytes)} of rows at about ${tellRate(byJob)} by each of ${load.jobs} jobs, ${source}, before compression`,
  };
}

function shareFromDisk({ load }: Spec, amount: Amount): Share {
  return {
    seconds: secondsApart(amount, COPIED_BY_JOB, load.jobs),
    bytes: amount.bytes,
    how: `${tellBytes(amount.bytes)} of rows at about ${tellRate(COPIED_BY_JOB)} by each of ${load.jobs} jobs, as in ${FIGURES}`,
  };
}

const COPIERS_SQL = `
  SELECT /* pgtrek: validate copiers */ current_setting('max_sync_workers_per_subscription')::int AS copiers`;

/** Onto tables that have their indexes already. */
async function shareServersCopy(target: Session, amount: Amount): Promise<Share> {
  const { copiers } = await target.one<{ copiers: number }>(COPIERS_SQL);
  return {
    seconds: secondsApart(amount, COPIED_BY_SERVER, Math.max(copiers, 1)),
    bytes: amount.bytes + amount.indexBytes,
    how: `${tellBytes(amount.bytes)} of rows, into their indexes, at about ${tellRate(COPIED_BY_SERVER)} by each of ${copiers} workers of the target, as in ${FIGURES}`,
  };
}

function shareIndexes({ load }: Spec, { indexes, indexBytes }: Amount): Share {
  const rate = INDEXED_BY_JOB * Math.min(load.indexJobs, JOBS_THAT_GAIN);
  const how = `${tellBytes(indexBytes)} in ${tellMany(indexes, 'index', 'indexes')} at about ${tellRate(rate)} (${load.indexJobs} index jobs, as in ${FIGURES})`;
  return { seconds: indexBytes / rate, bytes: indexBytes, how };
}

/** What a table costs, however small it is. */
function shareTables({ tables }: Amount, { roundTripMs }: Measured): Share {
  const each = TABLE_SECONDS.load + (TRIPS_OF_TABLE * roundTripMs) / 1_000;
  const how = `${tellMany(tables, 'table')} at about ${roundAbout(each * 1_000)} ms each (round trip ${roundAbout(roundTripMs)} ms)`;
  return { seconds: tables * each, how };
}

function shareSchema(stage: 'dump' | 'restore', { tables }: Amount): Share {
  const seconds = tables * TABLE_SECONDS[stage];
  return { seconds, how: `the schema of ${tellMany(tables, 'table')}, as in ${FIGURES}` };
}

/** What was written meanwhile. At a rate above that of a lane there is no end to tell. */
function estimateCatchUp(loadSeconds: number, wal: Wal | undefined): Estimate[] {
  const rate = wal && rateOf(wal);
  if (rate === undefined) {
    const how = 'the source is idle now, so what is to be caught up cannot be known';
    return [estimateOf('subscribe', [{ seconds: 0, how }])];
  }
  if (rate >= APPLIED) return [];
  const bytes = rate * loadSeconds;
  const how = `${tellBytes(bytes)} of WAL, written at ${tellRate(rate)} in ${tellSeconds(loadSeconds)}, at about ${tellRate(APPLIED)}, as in ${FIGURES}`;
  return [estimateOf('subscribe', [{ seconds: bytes / (APPLIED - rate), bytes, how }])];
}

// The server itself notes its running transactions every 15 s, and a checkpoint now and then.
const IDLE = 1_000;

/** The higher of now and average; undefined where nothing is written now, and no average is known. */
export function rateOf({ now, average }: Wal): number | undefined {
  const rate = Math.max(now, average?.bytesPerSecond ?? 0);
  return rate < IDLE ? undefined : rate;
}
