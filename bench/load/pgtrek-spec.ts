/** What pgtrek is told to do. */
import type { SpecInput } from '../../client/index.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import { SERVER_SETTINGS } from './servers.js';
import { JOBS } from './subject.js';

export type LoadMethod = 'stream' | 'dump' | 'native';

export interface Ends {
  source: ClusterConnection;
  target: ClusterConnection;
}

/** The server's own copy is a part of replication; the others are measured without. */
export function specFor(method: LoadMethod, ends: Ends): SpecInput {
  return {
    ...specBetween(ends),
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

/** With the passwords in the variables that startParts gives to the worker. */
export function specBetween({ source, target }: Ends): Pick<SpecInput, 'name' | 'source' | 'target'> {
  return {
    name: 'bench',
    source: endOf(source, 'SOURCE_PASSWORD'),
    target: endOf(target, 'TARGET_PASSWORD'),
  };
}

function endOf({ host, port, database, user }: ClusterConnection, passwordVariable: string) {
  return {
    host,
    port,
    database,
    user,
    password: { env: passwordVariable },
    tls: { mode: 'disable' as const },
  };
}
