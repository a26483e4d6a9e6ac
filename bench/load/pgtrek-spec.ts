/** What pgtrek is told to do. */
import type { SpecInput } from '../../client/index.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { SERVER_SETTINGS } from './servers.js';
import { JOBS } from './subject.js';

export type LoadMethod = 'stream' | 'dump' | 'native';

/** The server's own copy is a part of replication; the others are measured without. */
export function specFor(
  method: LoadMethod,
  ends: { source: ClusterConnection; target: ClusterConnection },
): SpecInput {
  const endOf = ({ host, port, database, user }: ClusterConnection, password: string) => ({
    host,
    port,
    database,
    user,
    password: { env: password },
    tls: { mode: 'disable' as const },
  });
  return {
    name: 'bench',
    source: endOf(ends.source, 'SOURCE_PASSWORD'),
    target: endOf(ends.target, 'TARGET_PASSWORD'),
    load: {
      method,
      jobs: JOBS,
      indexJobs: JOBS,
      maintenanceWorkMem: SERVER_SETTINGS['maintenance_work_mem'],
    },
    ...(method === 'native'
      ? { mode: 'full-load-and-cdc', cdc: { stop: { never: true } } }
      : { mode: 'full-load' }),
  };
}
