import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { describeChange } from '../../../contract/schema-change.js';
import { SCHEMA_SQL } from '../fingerprint/schema.js';
import { startPair } from '../pair.js';
import type { Pair } from '../pair.js';
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

describe('a comparison of schemas', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('tells nothing of what versions write in other words, or give by default', async () => {
    const { verify, databases } = await startVerifying(pair, { sql: MORE_SQL });
    // As a restored dump has them: in the words of the source.
    const views = await databases.run(
      'source',
      `SELECT viewname AS name, definition FROM pg_views WHERE schemaname = 'app'`,
    );
    for (const { name, definition } of views)
      await databases.run('target', `CREATE OR REPLACE VIEW app.${String(name)} AS ${String(definition)}`);
    const [check] = await databases.run(
      'source',
      `SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = 'known'`,
    );
    await databases.run(
      'target',
      `ALTER TABLE app.state DROP CONSTRAINT known; ALTER TABLE app.state ADD CONSTRAINT known ${String(check?.definition)};
       ALTER VIEW app.opened SET (security_barrier = true)`,
    );
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
