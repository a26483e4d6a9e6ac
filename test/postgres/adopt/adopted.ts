/** A migration that replicates, and copies of both its databases: each has its own schema change, and they are fast to make. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Adoption } from '../../../contract/activities.js';
import { laneName } from '../../../contract/names.js';
import type { LaneName } from '../../../contract/names.js';
import { parseSpec } from '../../../contract/spec.js';
import type { SpecInput } from '../../../contract/spec.js';
import { adoptChanges } from '../../../postgres/adopt/adopt-changes.js';
import { findChanges } from '../../../postgres/fingerprint/find-drift.js';
import { readItems } from '../../../postgres/fingerprint/read-items.js';
import type { SchemaItem } from '../../../postgres/fingerprint/read-items.js';
import { withEnds, withSource, withTarget } from '../../../postgres/job.js';
import type { Job } from '../../../postgres/job.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { buildForeignKeys } from '../../../postgres/load/build-foreign-keys.js';
import { buildIndexes } from '../../../postgres/load/build-indexes.js';
import { refreshViews } from '../../../postgres/load/finish-target.js';
import { planIndexes } from '../../../postgres/load/plan-indexes.js';
import { dumpSchema } from '../../../postgres/schema/dump-schema.js';
import { restorePostData, restorePreData } from '../../../postgres/schema/restore-section.js';
import type { Databases, Pair } from '../pair.js';

export interface Replicated {
  job: Job;
  lane: LaneName;
  databases: Databases;
  /** Tables of the test are in no other place. */
  dataDir: string;
  end: () => Promise<void>;
}

/** Only such tables are published. */
const IDENTITIES_SQL = `
  DO $do$ DECLARE t regclass; BEGIN
    FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname !~ '^(pg_|information_schema)'
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
    LOOP EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', t); END LOOP;
  END $do$`;

/** Changes are met as by a role that may make no event triggers: the lanes do not stop at them. */
const UNTRIGGERED_SQL = `
  DO $do$ DECLARE t name; BEGIN
    FOR t IN SELECT evtname FROM pg_event_trigger WHERE evtname LIKE 'pgtrek%'
    LOOP EXECUTE format('DROP EVENT TRIGGER %I', t); END LOOP;
  END $do$`;

/** Schema on both ends, with everything that stands on it; the lane's publication is there, and nothing is subscribed. */
export async function replicatedMigration(
  pair: Pair,
  sql: string,
  spec: Partial<SpecInput> = {},
): Promise<Replicated> {
  const databases = await pair.newDatabases();
  await databases.run('source', sql);
  await databases.run('source', IDENTITIES_SQL);
  const dataDir = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
  const job = jobOf(databases, dataDir, spec);
  const lane = laneName(job.name, 1);
  await dumpSchema(job);
  await restorePreData(job);
  await publishLane(job, lane);
  await databases.run('source', UNTRIGGERED_SQL);
  await complete(job);
  await databases.run('target', `UPDATE pgtrek.lane SET status = 'applying'`);
  return { job, lane, databases, dataDir, end: () => rm(dataDir, { recursive: true, force: true }) };
}

/** Everything as it is there, oids of the source too. */
export async function copyOf(pair: Pair, original: Replicated): Promise<Replicated> {
  const template = `TEMPLATE ${original.databases.name}`;
  const databases = await pair.newDatabases({ source: template, target: template });
  const job = { ...original.job, servers: databases.servers };
  return { ...original, job, databases };
}

function jobOf({ name, servers }: Databases, dataDir: string, spec: Partial<SpecInput>): Job {
  const { host, port, database, user } = servers.source;
  const connection = { host, port, database, user };
  return {
    name: 'adopt',
    owner: `owner-of-${name}`,
    spec: parseSpec({ name: 'adopt', source: connection, target: connection, ...spec }),
    servers,
    dataDir,
  };
}

/** As after a load, in which a lane had all tables: what is missing is built. */
export async function complete(job: Job): Promise<void> {
  const run = (sql: string) => withTarget(job, 'test', (target) => target.query(sql));
  const lane = laneName(job.name, 2);
  await run(`UPDATE pgtrek.relation SET lane = '${lane}' WHERE lane IS NULL AND kind IN ('r', 'p')`);
  for (const task of (await planIndexes(job)).tasks) await buildIndexes(job, task, 0);
  await buildForeignKeys(job, true);
  await restorePostData(job);
  await refreshViews(job);
  await run(`UPDATE pgtrek.relation SET lane = NULL WHERE lane = '${lane}'`);
}

export interface Brought {
  whileRunning: Adoption;
  /** Undefined where nothing was left. */
  standing: Adoption | undefined;
}

/** As the workflow does. */
export async function adopt({ job, lane }: Replicated): Promise<Brought> {
  const whileRunning = await adoptChanges(job, { lanes: [lane], standing: false });
  const standing =
    whileRunning.left.length > 0 ? await adoptChanges(job, { lanes: [lane], standing: true }) : undefined;
  await complete(job);
  return { whileRunning, standing };
}

export async function driftOf({ job }: Replicated): Promise<unknown[]> {
  const { owner, spec } = job;
  return withEnds(job, 'test', (source, target) =>
    source.read(async () => (await findChanges({ source, target, owner, spec })).changes),
  );
}

/** What only one of the ends has; but versions of extensions, and the schema that is left out. */
export async function differencesOf(replicated: Replicated): Promise<{ source: string[]; target: string[] }> {
  const [source, target] = [await schemaOf(replicated, 'source'), await schemaOf(replicated, 'target')];
  return {
    source: source.filter((line) => !target.includes(line)),
    target: target.filter((line) => !source.includes(line)),
  };
}

/** Everything that a fingerprint holds, as text. */
async function schemaOf({ job }: Replicated, end: 'source' | 'target'): Promise<string[]> {
  const { items } = await (end === 'source' ? withSource : withTarget)(job, 'test', (session) =>
    session.read(() => readItems(session, null)),
  );
  return items
    .map((item) =>
      [item.kind, item.name, plain(item), item.role, item.acl?.replace('MAINTAIN,', '')].join(' | '),
    )
    .filter((line) => !/\baudit\b/.test(line))
    .sort();
}

/** Servers write the same view in several ways, and have several versions of an extension; MAINTAIN is younger than the source. */
function plain({ kind, definition }: SchemaItem): string {
  const text = definition ?? '';
  if (kind === 'view') return text.replace(/\b\w+\./g, '').replace(/\s+/g, ' ');
  return kind === 'extension' ? text.replace(/VERSION '.*?'/, '') : text;
}
