import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { after, before, describe, it } from 'node:test';
import { describeChange } from '../../../contract/schema-change.js';
import { findClientTools } from '../../../postgres/client-tools.js';
import type { Endpoint } from '../../../postgres/endpoint.js';
import { SCHEMA_SQL } from '../fingerprint/schema.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';
import { startVerifying } from './verifying.js';

/** Beside the schema that fingerprints are tested with: what drift does not look at, and what versions write in other words. */
const MORE_SQL = `
  ${SCHEMA_SQL};
  COMMENT ON TABLE app.customer IS 'who buys'; COMMENT ON COLUMN app.customer.name IS 'as they write it';
  COMMENT ON CONSTRAINT positive ON app."Order" IS 'no debts'; COMMENT ON SCHEMA app IS 'ours';
  ALTER TABLE app.customer ALTER name SET STATISTICS 500;
  CREATE TABLE app.state (id int PRIMARY KEY, status varchar(10) DEFAULT lower('NEW'::varchar),
    CONSTRAINT known CHECK (status IN ('new', 'done')), CONSTRAINT even CHECK (id % 2 = 0 AND id > 0 OR id IS NULL));
  CREATE INDEX state_new ON app.state (status) WHERE status IN ('new', 'later');
  CREATE POLICY listed ON app.state TO PUBLIC USING (status IN ('new', 'done')) WITH CHECK (id > 0);
  CREATE TRIGGER touched BEFORE UPDATE ON app.state FOR EACH ROW WHEN (NEW.status IN ('new', 'done')) EXECUTE FUNCTION app.touch();
  CREATE VIEW app.simple AS SELECT id, name FROM app.customer WHERE name LIKE 'a%' ORDER BY name;
  CREATE VIEW app.opened WITH (security_barrier = true) AS SELECT s.id FROM app.state s WHERE s.status IN ('new', 'later');
  ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
  ALTER TEXT SEARCH CONFIGURATION app.words ADD MAPPING FOR word WITH simple;
  GRANT ALL ON app.state TO PUBLIC;`;

/** What comes out of a restore in other words, or is given by default. */
const RESTORED_SQL = `
  ${MORE_SQL}
  REVOKE ALL ON FUNCTION app.touch() FROM PUBLIC;
  GRANT SELECT (id), UPDATE (name) ON app.customer TO app_user WITH GRANT OPTION; GRANT USAGE ON SCHEMA public TO app_user;
  ALTER TABLE app.parent OWNER TO app_user;
  CREATE FUNCTION app.same(app.point, app.point) RETURNS bool LANGUAGE sql AS 'SELECT true';
  CREATE OPERATOR app.=== (LEFTARG = app.point, RIGHTARG = app.point, FUNCTION = app.same, COMMUTATOR = OPERATOR(app.===));
  CREATE FUNCTION app.noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION app.noted();
  CREATE VIEW app.complex AS
    WITH RECURSIVE w AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM w WHERE a < 5)
    SELECT w.a, row_number() OVER (PARTITION BY a ORDER BY a) AS n, (SELECT max(id) FROM app.state), CASE WHEN a IN (1, 2) THEN 'x' END
    FROM w JOIN LATERAL (SELECT * FROM app.customer) c ON c.id = w.a;
  CREATE DOMAIN app.small AS varchar(5) DEFAULT 'a' CHECK (VALUE IN ('a', 'b'));
  CREATE TABLE app.made (a int, b varchar(5), c text GENERATED ALWAYS AS (lower(b) || a) STORED, d app.small, e text DEFAULT 'x'::varchar || 'y');
  CREATE INDEX made_i ON app.made ((a + 1), lower(b)) INCLUDE (a) WHERE b IN ('a', 'b');
  CREATE RULE also AS ON UPDATE TO app.made WHERE NEW.b IN ('a', 'b') DO ALSO INSERT INTO app.made (a) VALUES (NEW.a);
  CREATE MATERIALIZED VIEW app.empty AS SELECT id FROM app.state WHERE status IN ('new') WITH NO DATA;
  CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (a 'b'); CREATE FOREIGN TABLE app.away (a int) SERVER far;
  COMMENT ON FUNCTION app.twice(int) IS 'x'; COMMENT ON INDEX app.order_at IS 'i'; COMMENT ON TRIGGER touched ON app."Order" IS 't';
  COMMENT ON TYPE app.mood IS 'm';`;

/** Since 14. */
const ATOMIC_SQL =
  'CREATE FUNCTION app.atomic(n int DEFAULT 1 + 1) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT c.id FROM app.customer c WHERE c.id = n; END';

/** What the target has otherwise, and how that is told, from source to target. */
const CHANGES: [string, string][] = [
  ['DROP VIEW app.simple', 'view app.simple was dropped'],
  ['CREATE TABLE app.extra (id int)', 'table app.extra was added'],
  [
    'DROP INDEX app.order_at',
    `index app.order_at was dropped (CREATE INDEX order_at ON app."Order" USING btree (at) WHERE (total > (0)::numeric))`,
  ],
  [
    'ALTER TABLE app.customer ALTER note SET DEFAULT $$y$$',
    "column app.customer.note: text DEFAULT 'x'::text → text DEFAULT 'y'::text",
  ],
  [
    'CREATE OR REPLACE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT n$$',
    'function app.twice(integer) was changed',
  ],
  [
    'CREATE OR REPLACE VIEW app.opened WITH (security_barrier = true) AS SELECT s.id FROM app.state s WHERE s.status IN ($$new$$)',
    'view app.opened was changed',
  ],
  ['DROP POLICY own ON app.customer', 'policy own ON app.customer was dropped'],
  ['ALTER TABLE app."Order" DISABLE TRIGGER touched', 'trigger touched ON app."Order"'],
  ['REVOKE SELECT ON app.customer FROM PUBLIC', 'privileges of app.customer: PUBLIC=SELECT'],
  [
    "COMMENT ON COLUMN app.customer.name IS 'other'",
    'comment on table column app.customer.name: as they write it → other',
  ],
  [
    'ALTER TABLE app.customer ALTER name SET STATISTICS -1',
    'statistics of column app.customer.name was dropped',
  ],
  [
    'ALTER TABLE app.state DROP CONSTRAINT even',
    'constraint even ON app.state was dropped (CHECK (((((id % 2) = 0) AND (id > 0)) OR (id IS NULL))))',
  ],
  ["ALTER TYPE app.mood ADD VALUE 'fine'", "type app.mood: value 'fine' was added"],
  ['ALTER SEQUENCE app.numbers INCREMENT 2', 'sequence app.numbers: AS bigint START 1 INCREMENT 1'],
  [
    'ALTER TABLE app.event DETACH PARTITION app.event_2026',
    'partition app.event_2026 was detached from app.event',
  ],
  ['DROP EXTENSION citext', 'extension citext was dropped (SCHEMA public)'],
];

async function restore({ servers }: Databases): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
  const file = path.join(folder, 'schema.dump');
  const tools = await findClientTools(15);
  const at = ({ host, port, user, database }: Endpoint) => [
    '-h',
    host,
    '-p',
    String(port),
    '-U',
    user,
    '-d',
    database,
  ];
  const run = (tool: string, end: Endpoint, args: string[]) =>
    promisify(execFile)(tool, [...at(end), ...args], { env: { ...process.env, PGPASSWORD: end.password } });
  await run(tools.pgDump, servers.source, ['-Fc', '-f', file]);
  await run(tools.pgRestore, servers.target, [file]);
  await rm(folder, { recursive: true });
}

describe('a comparison of schemas', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('tells nothing of a schema that was dumped and restored, which another version writes in other words', async () => {
    const { verify, databases } = await startVerifying(pair, { sql: 'CREATE ROLE app_user' });
    await databases.run('source', RESTORED_SQL);
    if (pair.source.major >= 14) await databases.run('source', ATOMIC_SQL);
    await restore(databases);
    const { schema, notCompared } = await verify();
    assert.deepEqual(schema.map(describeChange), []);
    assert.deepEqual(notCompared, []);
  });

  it('tells each object that is missing, more, or another', async () => {
    const { verify, databases } = await startVerifying(pair, { sql: MORE_SQL });
    for (const [sql] of CHANGES) await databases.run('target', sql);
    const { schema, schemaTotal, equal } = await verify();
    const told = schema.map(describeChange);
    for (const [, text] of CHANGES)
      assert.ok(
        told.some((line) => line.startsWith(text)),
        `${text} in ${told.join('\n')}`,
      );
    assert.deepEqual([schemaTotal, equal], [CHANGES.length, false]);
  });

  it('leaves out what the spec leaves out', async () => {
    const { verify, databases } = await startVerifying(pair, {
      sql: `CREATE SCHEMA audit; CREATE TABLE audit.log (id serial PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY)`,
      spec: { select: { exclude: ['audit.*'] }, schema: { owners: 'skip', privileges: 'skip' } },
    });
    await databases.run(
      'target',
      `DROP TABLE audit.log; GRANT ALL ON t TO PUBLIC; CREATE ROLE somebody; ALTER TABLE t OWNER TO somebody`,
    );
    const { equal, schema } = await verify();
    assert.deepEqual(schema, []);
    assert.equal(equal, true);
    await databases.run('target', 'ALTER TABLE t ADD more int');
    assert.deepEqual((await verify({ tables: ['t'] })).schema.map(describeChange), [
      'column public.t.more was added (integer)',
    ]);
  });
});
