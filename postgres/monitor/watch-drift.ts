/** Looks for drift again and again, as seldom as it is expensive. */
import type { LaneName } from '../../contract/names.js';
import type { SchemaChange } from '../../contract/schema-change.js';
import type { MonitorFigures, SeenDrift } from '../../contract/state.js';
import { isRetryable, messageOf } from '../classify-error.js';
import { findChanges, summarizeDrift } from '../fingerprint/find-drift.js';
import type { Changes } from '../fingerprint/find-drift.js';
import { readDigest } from '../fingerprint/read-items.js';
import { readStoredDigest } from '../fingerprint/store-fingerprint.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { findRewritten, readLaidPartitions } from './rewritten-partitions.js';
import type { LaidPartition } from './rewritten-partitions.js';

/** A look takes 0.02 s for a hundred tables and 0.7 s for ten thousand: at most a twentieth of the time goes into it. */
const EVERY_MS = 2_000;
const TIMES_ITS_COST = 20;

export type DriftFigures = Pick<MonitorFigures, 'drift' | 'driftUnknown'>;

/** Returns a function that tells the drift as it was last seen, and looks when it is time to, or `now`. */
export function createDriftWatch(
  job: Job,
  lanes: LaneName[],
  source: Session,
  target: Session,
): (now?: boolean) => Promise<DriftFigures> {
  const look = createLook(job, lanes, source, target);
  let seen: DriftFigures = {};
  let next = 0;
  return async (now = false) => {
    const start = Date.now();
    if (start < next && !now) return seen;
    seen = await look();
    const end = Date.now();
    next = end + Math.max(EVERY_MS, TIMES_ITS_COST * (end - start));
    return seen;
  };
}

/** What is dumped, and what was compared last: while the digest stays there is nothing to compare again. */
interface Known {
  stored: string;
  laid: LaidPartition[];
  /** Undefined when that comparison is to be made again. */
  digest: string | undefined;
  changes: SchemaChange[];
}

const NO_CHANGES: Changes = { changes: [], certain: true };

function createLook(
  job: Job,
  lanes: LaneName[],
  source: Session,
  target: Session,
): () => Promise<DriftFigures> {
  let known: Known | undefined;
  return async () => {
    try {
      known ??= await readKnown(job, lanes, target);
      // Dumped by a version that took no fingerprint: no drift is ever seen.
      if (!known) return {};
      const digest = await readDigest(source);
      if (digest !== known.digest) {
        const same = digest === known.stored;
        const { changes, certain } = same ? NO_CHANGES : await compare(job, source, target);
        known = { ...known, changes, digest: certain ? digest : undefined };
      }
      return figuresOf(summarizeDrift([...known.changes, ...(await findRewritten(source, known.laid))]));
    } catch (error) {
      job.signal?.throwIfAborted();
      if (isRetryable(error)) throw error;
      // The lanes must be watched whatever happens here.
      return { driftUnknown: messageOf(error) };
    }
  };
}

async function readKnown(job: Job, lanes: LaneName[], target: Session): Promise<Known | undefined> {
  const stored = await readStoredDigest(target, job.owner);
  if (stored === undefined) return undefined;
  return { stored, laid: await readLaidPartitions(target, job.owner, lanes), digest: stored, changes: [] };
}

function compare({ owner, spec }: Job, source: Session, target: Session): Promise<Changes> {
  return source.read(() => findChanges({ source, target, owner, spec }));
}

function figuresOf(drift: SeenDrift | undefined): DriftFigures {
  return drift ? { drift } : {};
}
