/** Two databases made by the same statements, and their comparison. */
import type { LaneName } from '../../../contract/names.js';
import { parseSpec } from '../../../contract/spec.js';
import type { SpecInput } from '../../../contract/spec.js';
import type { Verification } from '../../../contract/verification.js';
import type { Endpoint } from '../../../postgres/endpoint.js';
import type { Job } from '../../../postgres/job.js';
import { verifyContent } from '../../../postgres/verify/verify-content.js';
import type { VerifyAsked } from '../../../postgres/verify/verify-content.js';
import type { Databases, Pair } from '../pair.js';

export interface Verifying {
  databases: Databases;
  job: Job;
  verify: (asked?: Partial<VerifyAsked>) => Promise<Verification>;
}

export interface VerifyingOptions {
  /** Run on both ends. */
  sql: string;
  spec?: Partial<SpecInput>;
  /** Of the role that compares. */
  role?: Partial<Endpoint>;
  /** What follows CREATE DATABASE name. */
  create?: { source?: string; target?: string };
}

export async function startVerifying(
  pair: Pair,
  { sql, spec, role = {}, create = {} }: VerifyingOptions,
): Promise<Verifying> {
  const databases = await pair.newDatabases(create);
  await databases.run('source', sql);
  await databases.run('target', sql);
  const job = jobOf(databases, spec, role);
  return {
    databases,
    job,
    verify: (asked = {}) =>
      verifyContent(job, { kind: 'point', lanes: [] as LaneName[], onStep: () => undefined, ...asked }),
  };
}

function jobOf({ name, servers }: Databases, spec: Partial<SpecInput> = {}, role: Partial<Endpoint>): Job {
  const end = { host: 'a', database: 'a', user: 'a' };
  return {
    name: 'compare',
    owner: `owner-of-${name}`,
    spec: parseSpec({ name: 'compare', source: end, target: end, ...spec }),
    servers: {
      ...servers,
      source: { ...servers.source, ...role },
      target: { ...servers.target, ...role },
    },
    dataDir: '/nowhere',
  };
}
