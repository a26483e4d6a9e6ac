import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseSpec } from '../../../contract/spec.js';
import type { SpecInput } from '../../../contract/spec.js';
import type { Job } from '../../../postgres/job.js';
import { findOrphans, removeOrphan } from '../../../postgres/orphans.js';
import { rehearse } from '../../../postgres/validate/rehearse.js';
import { findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const ID = 'target.rehearsal';

describe('a rehearsal of the restore', () => {
  let pair: Pair;
  let databases: Databases;
  let dataDir: string;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    dataDir = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
  });
  after(async () => {
    await pair.remove();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function withSchema(sql: string): Promise<void> {
    databases = await pair.newDatabases();
    await databases.run('source', sql);
  }

  function jobOf(changes: Partial<SpecInput> = {}, user?: string): Job {
    const { servers } = databases;
    const end = ({ host, port, database }: typeof servers.source) => ({
      host,
      port,
      database,
      user: 'postgres',
    });
    const spec = parseSpec({
      name: 'move-it',
      source: end(servers.source),
      target: end(servers.target),
      ...changes,
    });
    const target = { ...servers.target, ...(user === undefined ? {} : { user, password: user }) };
    return { name: spec.name, owner: 'run-1', spec, servers: { ...servers, target }, dataDir };
  }

  async function scratches(): Promise<string[]> {
    const rows = await databases.run(
      'target',
      `SELECT datname FROM pg_database WHERE datname LIKE 'pgtrek%'`,
    );
    return rows.map(({ datname }) => String(datname));
  }

  it('restores what is fine, and drops its database', async () => {
    await withSchema(`
      CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE TABLE a (id int PRIMARY KEY, m mood, CHECK (id > 0));
      CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a, e int4range, EXCLUDE USING gist (e WITH &&));
      COMMENT ON CONSTRAINT b_a_fkey ON b IS 'theirs';
      CREATE INDEX ON b (a) WHERE a > 1;
      CREATE MATERIALIZED VIEW n AS SELECT count(*) FROM a;
      CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
      CREATE EVENT TRIGGER forbid ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION on_ddl();`);
    const [finding, ...others] = await rehearse(jobOf());
    assert.equal(finding?.verdict, 'ok', JSON.stringify(finding));
    assert.match(finding.why, /\d+ objects of the schema in \d+\.\d s/);
    assert.deepEqual(others, []);
    assert.deepEqual(await scratches(), []);
  });

  it('finds an index whose function relies on search_path, and not what depends on it as well', async () => {
    await withSchema(`
      CREATE TABLE words (id int PRIMARY KEY, w text);
      CREATE FUNCTION plain(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
      CREATE FUNCTION norm(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT plain($1)';
      CREATE INDEX words_norm ON words (norm(w));
      CREATE TABLE kept (id int, w text, CHECK (norm(w) <> ''));
      CREATE VIEW all_kept AS SELECT * FROM kept;`);
    const databasesFindings = await databases.validate();
    assert.deepEqual(
      databasesFindings.filter(({ verdict, id }) => verdict === 'block' && /function|index/.test(id)),
      [],
    );
    const findings = findingsOf(await rehearse(jobOf()), ID);
    const index = findings.find(({ scope }) => scope === 'target.index public.words_norm');
    assert.equal(index?.verdict, 'block', JSON.stringify(findings));
    assert.match(index.why, /function plain\(text\) does not exist/);
    assert.match(index.remedy ?? '', /ALTER FUNCTION norm\(…\) SET search_path = public; on the source/);
    await databases.run('source', 'ALTER FUNCTION norm(text) SET search_path = public');
    assert.deepEqual(
      (await rehearse(jobOf())).map(({ verdict }) => verdict),
      ['ok'],
    );
  });

  it('says once what is missing, and knows what the target’s database has already', async () => {
    await withSchema(`
      CREATE ROLE lone_owner;
      CREATE TABLE mine (id int PRIMARY KEY);
      ALTER TABLE mine OWNER TO lone_owner;`);
    const [finding] = await rehearse(jobOf());
    assert.equal(finding?.verdict, 'block', JSON.stringify(finding));
    assert.match(finding.why, /role "lone_owner" does not exist/);
    assert.match(finding.remedy ?? '', /^CREATE ROLE "lone_owner"; on the target/);
    await databases.run('target', 'CREATE ROLE lone_owner');
    assert.deepEqual(
      (await rehearse(jobOf())).map(({ verdict }) => verdict),
      ['ok'],
    );
    await pair.clear(databases);
  });

  it('is not made without CREATEDB, and says what grants it', async () => {
    await withSchema('CREATE TABLE a (id int PRIMARY KEY)');
    await databases.run(
      'target',
      `CREATE ROLE humble LOGIN PASSWORD 'humble'; GRANT CREATE ON DATABASE ${databases.name} TO humble; GRANT CREATE ON SCHEMA public TO humble`,
    );
    const job = jobOf({ schema: { owners: 'skip', privileges: 'skip' } }, 'humble');
    const [finding] = await rehearse(job);
    assert.equal(finding?.verdict, 'warn');
    assert.equal(finding.remedy, 'ALTER ROLE "humble" CREATEDB;');
    await databases.run('target', finding.remedy);
    assert.deepEqual(
      (await rehearse(job)).map(({ verdict, why }) => `${verdict} ${why.slice(0, 11)}`),
      ['ok A rehearsal'],
    );
    await pair.clear(databases);
  });

  it('has nothing to do in mode cdc', async () => {
    await withSchema('SELECT 1');
    const [finding] = await rehearse(jobOf({ mode: 'cdc', cdc: { start: { slot: 's', publication: 'p' } } }));
    assert.equal(finding?.verdict, 'warn');
  });

  it('of an attempt that died is found, removed by the next one and by orphans; one that runs is let alone', async () => {
    await withSchema('CREATE TABLE a (id int PRIMARY KEY)');
    await databases.run('target', 'CREATE DATABASE pgtrek_rehearsal_move_it_0badcafe');
    await databases.run(
      'target',
      `COMMENT ON DATABASE pgtrek_rehearsal_move_it_0badcafe IS 'pgtrek owner=dead'`,
    );
    const find = () =>
      findOrphans({
        servers: databases.servers,
        isLive: () => Promise.resolve(false),
        names: ['move-it'],
      });
    const [orphan] = await find();
    assert.equal(orphan?.kind, 'rehearsal');
    assert.equal(orphan.owner, 'dead');
    const seen: string[] = [];
    const job = jobOf();
    await rehearse({
      ...job,
      servers: {
        ...job.servers,
        observer: async (moment, tag) => {
          if (moment !== 'before' || tag !== 'pg_restore rehearsal' || seen.length > 0) return;
          seen.push(...(await scratches()), ...(await find()).map(({ name }) => `orphan ${name}`));
        },
      },
    });
    assert.equal(seen.length, 1, `${String(seen)}: its own, which is no orphan`);
    assert.deepEqual(await scratches(), []);

    await databases.run('target', 'CREATE DATABASE pgtrek_rehearsal_move_it_0badcafe');
    for (const left of await find()) await removeOrphan(databases.servers, left);
    assert.deepEqual(await scratches(), []);
  });
});
