/** pg_dump and pg_restore on this worker: pg_dump refuses a server that is newer than itself. */
import type { Finding } from '../../contract/state.js';
import { PgtrekError } from '../../contract/errors.js';
import { findClientTools } from '../client-tools.js';
import type { ClientTools } from '../client-tools.js';
import { chooseCompression } from '../schema/compression.js';
import type { OnBoth } from './check.js';
import { majorOf } from './servers.js';

export async function checkClientTools({ source, target, spec }: OnBoth): Promise<Finding[]> {
  const finding = { id: 'worker.client_tools', scope: 'worker' };
  try {
    const tools = await findClientTools(majorOf(source));
    if (spec.load.method === 'dump') await chooseCompression(tools, spec.load.compression);
    return [{ ...finding, ...judgeClientTools(tools, majorOf(source), majorOf(target)) }];
  } catch (error) {
    if (!(error instanceof PgtrekError) || error.code !== 'TOOLS_MISSING') throw error;
    const remedy = error.remedy ?? 'Install the PostgreSQL client tools on the worker.';
    return [{ ...finding, verdict: 'block', why: error.message, remedy }];
  }
}

export function judgeClientTools(
  { pgDump, major }: ClientTools,
  sourceMajor: number,
  targetMajor: number,
): Pick<Finding, 'verdict' | 'why' | 'remedy'> {
  if (major >= 17 && targetMajor < 17) {
    return {
      verdict: 'block',
      why: `pg_restore of PostgreSQL ${major} sets transaction_timeout, which the target, ${targetMajor}, does not know.`,
      remedy: `Install the client tools of PostgreSQL ${Math.max(sourceMajor, 16)} or older, yet not older than the source, on the worker, or set PGTREK_PG_BIN to their folder.`,
    };
  }
  if (major >= sourceMajor) return { verdict: 'ok', why: `${pgDump} is of PostgreSQL ${major}.` };
  return {
    verdict: 'block',
    why: `${pgDump} is of PostgreSQL ${major} and cannot dump the source, which is ${sourceMajor}.`,
    remedy: `Install the client tools of PostgreSQL ${sourceMajor} or later on the worker (Debian: apt-get install postgresql-client-${sourceMajor}), or set PGTREK_PG_BIN to their folder.`,
  };
}
