import { PgtrekError } from '../../client/index.js';
import { embeddedMajors } from '../../dev/cluster.js';
import { findClientTools } from '../../postgres/client-tools.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import { chooseMajors } from './servers.js';
import type { Majors } from './servers.js';

/** What measures here: the majors of the servers, and the client tools for them or why nothing can run. */
export async function chooseServers(wanted: {
  sourceMajor?: number;
  targetMajor?: number;
}): Promise<{ majors: Majors; tools: ClientTools | { reason: string } }> {
  const toolsMajor = await newestToolsMajor();
  const majors = chooseMajors(wanted, { installed: embeddedMajors(), toolsMajor });
  return { majors, tools: await findTools(majors.source) };
}

/** None are of this major: the newest that there are are taken. */
const NEWEST = Number.POSITIVE_INFINITY;

/** The major of the newest pg_dump here; undefined where there is none. */
async function newestToolsMajor(): Promise<number | undefined> {
  const tools = await findOrReason(NEWEST);
  return 'reason' in tools ? undefined : tools.major;
}

/** The pg_dump and pg_restore that pgtrek takes for such a source, for every subject; or why nothing can run. */
async function findTools(sourceMajor: number): Promise<ClientTools | { reason: string }> {
  const tools = await findOrReason(sourceMajor);
  if ('reason' in tools || tools.major >= sourceMajor) return tools;
  return {
    reason: `pg_dump ${tools.major} cannot read a server of ${sourceMajor}: set PGTREK_PG_BIN to a newer one's folder`,
  };
}

async function findOrReason(sourceMajor: number): Promise<ClientTools | { reason: string }> {
  try {
    return await findClientTools(sourceMajor);
  } catch (error) {
    if (error instanceof PgtrekError && error.code === 'TOOLS_MISSING') return { reason: error.message };
    throw error;
  }
}
