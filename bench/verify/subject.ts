import { parseSpec } from '../../contract/spec.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { Endpoint } from '../../postgres/endpoint.js';
import { verifyContent } from '../../postgres/verify/verify-content.js';
import { query } from '../load/sql.js';

/** Their names on the command line, in the table and in the rows. */
export const VERIFY_SUBJECT_NAMES = ['sums-by-hand', 'pgtrek', 'pgtrek-online'] as const;
export type VerifySubjectName = (typeof VERIFY_SUBJECT_NAMES)[number];

/** What a person would do without pgtrek. */
export const VERIFY_BASELINE: VerifySubjectName = 'sums-by-hand';

export interface Ends {
  source: ClusterConnection;
  target: ClusterConnection;
}

/** One way to compare two databases; resolves to the rows of each, and throws where it takes them for different. */
export interface VerifySubject {
  name: VerifySubjectName;
  compare: (ends: Ends) => Promise<bigint>;
}

export const VERIFY_SUBJECTS: VerifySubject[] = [
  { name: 'sums-by-hand', compare: compareSums },
  { name: 'pgtrek', compare: (ends) => compareWith(ends, 'point') },
  { name: 'pgtrek-online', compare: (ends) => compareWith(ends, 'online') },
];

const TABLES = ['pgbench_accounts', 'pgbench_history', 'pgbench_tellers', 'pgbench_branches'];

/** Table by table, both ends at the same time, with as many workers as the servers give; it tells no key. */
async function compareSums({ source, target }: Ends): Promise<bigint> {
  let rows = 0n;
  for (const table of TABLES) {
    const read = async (end: ClusterConnection) => {
      const [sums] = await query<{ rows: string; sum: string }>(
        end,
        `SELECT count(*)::text AS rows, sum(hashtext(t::text))::text AS sum FROM ${table} t`,
      );
      if (!sums) throw new Error(`no sums of ${table}`);
      return sums;
    };
    const [here, there] = await Promise.all([read(source), read(target)]);
    if (here.rows !== there.rows || here.sum !== there.sum) throw new Error(`${table} differs`);
    rows += BigInt(here.rows);
  }
  return rows;
}

async function compareWith({ source, target }: Ends, kind: 'point' | 'online'): Promise<bigint> {
  const endpoint = (end: Endpoint['end'], connection: ClusterConnection): Endpoint => ({
    end,
    ...connection,
    tls: { mode: 'disable' },
  });
  const { password: _, ...reachable } = source;
  const job = {
    name: 'bench',
    owner: 'bench',
    spec: parseSpec({ name: 'bench', source: reachable, target: reachable }),
    servers: {
      source: endpoint('source', source),
      target: endpoint('target', target),
      replication: endpoint('source', source),
      observer: undefined,
    },
    dataDir: '/nowhere',
  };
  const found = await verifyContent(job, { kind, lanes: [], onStep: () => undefined });
  if (!found.equal) throw new Error(`taken for different: ${JSON.stringify(found)}`);
  return BigInt(found.rows);
}
