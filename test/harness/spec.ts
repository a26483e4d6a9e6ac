/** The spec of a test's migration: TLS off, as the throw-away clusters have none. */
import type { ClientConfig } from 'pg';
import type { SpecInput } from '../../contract/spec.js';
import type { Databases } from './world.js';

export function specFor(name: string, databases: Databases, rest: Partial<SpecInput> = {}): SpecInput {
  return {
    name,
    source: endOf(databases.source, 'SOURCE_PASSWORD'),
    target: endOf(databases.target, 'TARGET_PASSWORD'),
    ...rest,
  };
}

function endOf(config: ClientConfig, passwordVariable: string): SpecInput['target'] {
  return {
    host: config.host ?? '127.0.0.1',
    port: config.port ?? 5432,
    database: config.database ?? 'postgres',
    user: config.user ?? 'postgres',
    password: { env: passwordVariable },
    tls: { mode: 'disable' },
  };
}
