/** What is ahead: measured while the checks run, told when they are done. */
import type { Estimate, Finding } from '../../contract/findings.js';
import type { SessionOptions } from '../session.js';
import type { OnBoth } from './check.js';
import { estimateStages } from './estimate.js';
import { failedCheck, isOfCheck } from './failed-check.js';
import { measureRead } from './measure-read.js';
import type { ReadSpeed } from './measure-read.js';
import { beginWal } from './measure-wal.js';
import type { Wal } from './measure-wal.js';
import { forecastWal } from './wal-forecast.js';

interface Outlook {
  findings: Finding[];
  estimates: Estimate[];
}

export interface Measuring {
  /** Ends by itself within seconds, and never rejects. */
  read: Promise<ReadSpeed | undefined>;
  endWal: () => Promise<Wal | undefined>;
}

/** Rows are read in a session of its own, so that the checks go on meanwhile. */
export async function beginMeasuring(facts: OnBoth, options: SessionOptions): Promise<Measuring> {
  const { mode, load } = facts.spec;
  const isRead = mode !== 'cdc' && load.method !== 'native' && load.bytesPerSecond === undefined;
  return {
    read: isRead ? measureRead(facts, options) : Promise.resolve(undefined),
    endWal: mode === 'full-load-and-cdc' ? await beginWalOf(facts) : () => Promise.resolve(undefined),
  };
}

/** What cannot be read is told in the end. */
async function beginWalOf({ source, spec }: OnBoth): Promise<Measuring['endWal']> {
  try {
    return await beginWal(source, spec);
  } catch (error) {
    if (!isOfCheck(error)) throw error;
    return async () => {
      throw error;
    };
  }
}

export async function lookAhead(facts: OnBoth, measuring: Measuring, roundTripMs: number): Promise<Outlook> {
  const { spec, source } = facts;
  try {
    const wal = await measuring.endWal();
    const read = await measuring.read;
    const estimates = await estimateStages(facts, { read, wal, roundTripMs });
    return { estimates, findings: wal ? await forecastWal(source, { spec, wal, estimates }) : [] };
  } catch (error) {
    if (!isOfCheck(error)) throw error;
    return { estimates: [], findings: [failedCheck(error, { check: 'estimates', on: 'both', spec })] };
  }
}
