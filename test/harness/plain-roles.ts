/** What a managed PostgreSQL gives its administrator: no superuser, but owner of the database and a few grants. */
import { fillSample } from '../../dev/sample.js';
import { query } from './world.js';
import type { Databases, World } from './world.js';

export const MOVER = { user: 'mover', password: 'mover' };

/** Once a world. REPLICATION stands for RDS's role rds_replication, which only its servers know. */
export async function createPlainRoles(world: World): Promise<void> {
  await query(world.source.connection(), `CREATE ROLE mover LOGIN REPLICATION PASSWORD 'mover'`);
  await query(world.target.connection(), `CREATE ROLE mover LOGIN PASSWORD 'mover'`);
  if (world.target.major >= 16)
    await query(world.target.connection(), 'GRANT pg_create_subscription TO mover');
}

/** A source whose every object is the role's own, and an empty target where it may create. */
export async function createPlainDatabases(world: World, name: string): Promise<Databases> {
  await query(world.source.connection(), `CREATE DATABASE ${name} OWNER mover`);
  await query(world.target.connection(), `CREATE DATABASE ${name}`);
  await query(
    world.target.connection(name),
    `GRANT CREATE ON DATABASE ${name} TO mover; GRANT CREATE ON SCHEMA public TO mover`,
  );
  const databases = {
    source: { ...world.source.connection(name), ...MOVER },
    target: { ...world.target.connection(name), ...MOVER },
  };
  await fillSample(databases.source);
  return databases;
}
