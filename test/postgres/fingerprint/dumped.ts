/** A migration whose schema was dumped: a database with every kind of object, and its fingerprint in the ledger. */
import { parseSpec } from '../../../contract/spec.js';
import type { Endpoint } from '../../../postgres/endpoint.js';
import { storeFingerprint } from './store.js';
import type { Job } from '../../../postgres/job.js';
import { withEnds } from '../../../postgres/job.js';
import { createLedger } from '../../../postgres/ledger/create-ledger.js';
import type { Databases, Pair } from '../pair.js';
import { SCHEMA_SQL } from './schema.js';

export interface Dumped {
  job: Job;
  databases: Databases;
}

export async function dumpedMigration(pair: Pair, source: Partial<Endpoint> = {}): Promise<Dumped> {
  const databases = await pair.newDatabases();
  await databases.run('source', SCHEMA_SQL);
  const job = jobFor(databases, source);
  await withEnds(job, 'test', async (from, target) => {
    await createLedger(target, job.owner, job.name);
    await storeFingerprint({ source: from, target }, { owner: job.owner, select: job.spec.select });
  });
  return { job, databases };
}

export function jobFor({ name, servers }: Databases, source: Partial<Endpoint> = {}): Job {
  return {
    name: 'drift',
    owner: `owner-of-${name}`,
    spec: parseSpec({
      name: 'drift',
      source: { host: 'a', database: 'a', user: 'a' },
      target: { host: 'b', database: 'b', user: 'b' },
      select: { exclude: ['audit.*'] },
    }),
    servers: { ...servers, source: { ...servers.source, ...source } },
    dataDir: '/nowhere',
  };
}
