/** Statements on the schema of schema.ts, and what is told of them. */
import type { ChangeKind } from '../../../contract/state.js';

interface Case {
  title: string;
  sql: string;
  told: [kind: ChangeKind, words: string][];
}

export const CASES: Case[] = [
  {
    title: 'a new table once, with all that stands on it',
    sql: `CREATE TABLE app.t2 (id serial PRIMARY KEY, a text UNIQUE DEFAULT 'x'); CREATE INDEX ON app.t2 (a); GRANT SELECT ON app.t2 TO reader`,
    told: [['table-added', 'table app.t2 was added']],
  },
  {
    title: 'a dropped table once',
    sql: 'DROP TABLE app.parent CASCADE',
    told: [
      ['table-dropped', 'table app.child was dropped'],
      ['table-dropped', 'table app.parent was dropped'],
    ],
  },
  {
    title: 'a renamed table, and nothing that refers to it',
    sql: 'ALTER TABLE app.customer RENAME TO client',
    told: [['table-renamed', 'table app.customer was renamed to app.client']],
  },
  {
    title: 'a table that moved to another schema',
    sql: 'ALTER TABLE app.child SET SCHEMA public',
    told: [['table-renamed', 'table app.child was renamed to public.child']],
  },
  {
    title: 'a table that took the name of another',
    sql: 'ALTER TABLE app.child RENAME TO old; CREATE TABLE app.child (b int)',
    told: [
      ['table-added', 'table app.child was added'],
      ['table-renamed', 'table app.child was renamed to app.old'],
    ],
  },
  {
    title: 'a table that was made anew',
    sql: 'DROP TABLE app.child; CREATE TABLE app.child () INHERITS (app.parent)',
    told: [
      ['table-added', 'table app.child was added'],
      ['table-dropped', 'table app.child was dropped'],
    ],
  },
  {
    title: 'options of a table',
    sql: 'ALTER TABLE app.customer SET (fillfactor = 70)',
    told: [['table-changed', 'table app.customer: (nothing) → WITH (fillfactor=70)']],
  },
  {
    title: 'row level security',
    sql: 'ALTER TABLE app.customer ENABLE ROW LEVEL SECURITY',
    told: [['table-changed', 'table app.customer: (nothing) → ROW LEVEL SECURITY']],
  },
  {
    title: 'an unlogged table',
    sql: 'ALTER TABLE app.child SET UNLOGGED',
    told: [['table-changed', 'table app.child: INHERITS (app.parent) → UNLOGGED INHERITS (app.parent)']],
  },
  {
    title: 'an end of inheritance',
    sql: 'ALTER TABLE app.child NO INHERIT app.parent',
    told: [
      ['table-changed', 'table app.child: INHERITS (app.parent) → (nothing)'],
      ['constraint-added', 'constraint small ON app.child was added (CHECK ((a < 100)))'],
    ],
  },

  {
    title: 'a new column',
    sql: `ALTER TABLE app.customer ADD phone text NOT NULL DEFAULT ''`,
    told: [['column-added', `column app.customer.phone was added (text NOT NULL DEFAULT ''::text)`]],
  },
  {
    title: 'a dropped column',
    sql: 'ALTER TABLE app.customer DROP note',
    told: [['column-dropped', `column app.customer.note was dropped (text DEFAULT 'x'::text)`]],
  },
  {
    title: 'a column that was dropped and added again',
    sql: 'ALTER TABLE app.customer DROP note; ALTER TABLE app.customer ADD note text',
    told: [
      ['column-added', 'column app.customer.note was added (text)'],
      ['column-dropped', `column app.customer.note was dropped (text DEFAULT 'x'::text)`],
    ],
  },
  {
    title: 'a renamed column, and nothing that uses it',
    sql: 'ALTER TABLE app."Order" RENAME total TO "Sum"',
    told: [['column-renamed', 'column app."Order".total was renamed to app."Order"."Sum"']],
  },
  {
    title: 'a column of another type, without its indexes and keys',
    sql: 'DROP VIEW app.spent CASCADE; ALTER TABLE app."Order" ALTER id TYPE int, ALTER total TYPE numeric(12,2)',
    told: [
      [
        'column-retyped',
        'column app."Order".id: bigint NOT NULL GENERATED ALWAYS AS IDENTITY → integer NOT NULL GENERATED ALWAYS AS IDENTITY',
      ],
      ['column-retyped', 'column app."Order".total: numeric(10,2) → numeric(12,2)'],
      [
        'sequence-changed',
        'sequence app."Order_id_seq": AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 OWNED BY app."Order".id → AS integer START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1 OWNED BY app."Order".id',
      ],
      ['view-dropped', 'view app.spent was dropped'],
      ['view-dropped', 'view app.top was dropped'],
    ],
  },
  {
    title: 'a shorter column',
    sql: 'ALTER TABLE app.customer ALTER note TYPE varchar(10)',
    told: [
      [
        'column-retyped',
        `column app.customer.note: text DEFAULT 'x'::text → character varying(10) DEFAULT 'x'::text`,
      ],
    ],
  },
  {
    title: 'another default',
    sql: `ALTER TABLE app.customer ALTER note SET DEFAULT 'y'`,
    told: [['column-changed', `column app.customer.note: text DEFAULT 'x'::text → text DEFAULT 'y'::text`]],
  },
  {
    title: 'a column that may be null',
    sql: 'ALTER TABLE app.customer ALTER name DROP NOT NULL',
    told: [['column-changed', 'column app.customer.name: text NOT NULL → text']],
  },
  {
    title: 'an identity that is gone',
    sql: 'ALTER TABLE app."Order" ALTER id DROP IDENTITY',
    told: [
      [
        'column-changed',
        'column app."Order".id: bigint NOT NULL GENERATED ALWAYS AS IDENTITY → bigint NOT NULL',
      ],
      ['sequence-dropped', 'sequence app."Order_id_seq" was dropped'],
    ],
  },
  {
    title: 'a column that is generated no more',
    sql: 'ALTER TABLE app.customer ALTER twice DROP EXPRESSION',
    told: [
      [
        'column-changed',
        'column app.customer.twice: integer GENERATED ALWAYS AS ((id * 2)) STORED → integer',
      ],
    ],
  },
  {
    title: 'how a column is stored',
    sql: 'ALTER TABLE app.customer ALTER note SET STORAGE EXTERNAL',
    told: [
      [
        'column-changed',
        `column app.customer.note: text DEFAULT 'x'::text → text STORAGE EXTERNAL DEFAULT 'x'::text`,
      ],
    ],
  },
  {
    title: 'a column of a partitioned table once',
    sql: `ALTER TABLE app.event ADD more int, ALTER what TYPE varchar(9)`,
    told: [
      ['column-added', 'column app.event.more was added (integer)'],
      [
        'column-retyped',
        `column app.event.what: text DEFAULT 'a'::text → character varying(9) DEFAULT 'a'::text`,
      ],
    ],
  },
  {
    title: 'a column of an inheritance tree',
    sql: `ALTER TABLE app.parent ADD more int`,
    told: [
      ['column-added', 'column app.child.more was added (integer)'],
      ['column-added', 'column app.parent.more was added (integer)'],
    ],
  },

  {
    title: 'a new partition',
    sql: `CREATE TABLE app.event_2028 PARTITION OF app.event FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')`,
    told: [
      [
        'partition-attached',
        `partition app.event_2028 was attached to app.event FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')`,
      ],
    ],
  },
  {
    title: 'an attached partition',
    sql: `ALTER TABLE app.event ATTACH PARTITION app.event_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')`,
    told: [
      [
        'partition-attached',
        `partition app.event_2027 was attached to app.event FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')`,
      ],
    ],
  },
  {
    title: 'a detached partition',
    sql: 'ALTER TABLE app.event DETACH PARTITION app.event_2025',
    told: [
      [
        'partition-detached',
        `partition app.event_2025 was detached from app.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`,
      ],
    ],
  },
  {
    title: 'a dropped partition',
    sql: 'DROP TABLE app.event_2025',
    told: [['table-dropped', 'table app.event_2025 was dropped']],
  },
  {
    title: 'a dropped partitioned table once',
    sql: 'DROP TABLE app.event',
    told: [['table-dropped', 'table app.event was dropped']],
  },
  {
    title: 'a new partitioned table once',
    sql: `CREATE TABLE app.tree (a int) PARTITION BY LIST (a); CREATE TABLE app.leaf PARTITION OF app.tree FOR VALUES IN (1)`,
    told: [['table-added', 'table app.tree was added']],
  },
  {
    title: 'other bounds of a partition',
    sql: `ALTER TABLE app.event DETACH PARTITION app.event_2026; ALTER TABLE app.event ATTACH PARTITION app.event_2026 FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')`,
    told: [
      [
        'partition-attached',
        `partition app.event_2026 was attached to app.event FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')`,
      ],
      [
        'partition-detached',
        `partition app.event_2026 was detached from app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
      ],
    ],
  },

  {
    title: 'a new index',
    sql: 'CREATE INDEX order_total ON app."Order" (total DESC)',
    told: [
      [
        'index-added',
        'index app.order_total was added (CREATE INDEX order_total ON app."Order" USING btree (total DESC))',
      ],
    ],
  },
  {
    title: 'a new index of a partitioned table once',
    sql: 'CREATE INDEX event_what ON app.event (what)',
    told: [
      [
        'index-added',
        'index app.event_what was added (CREATE INDEX event_what ON ONLY app.event USING btree (what))',
      ],
    ],
  },
  {
    title: 'a dropped index',
    sql: 'DROP INDEX app.order_at',
    told: [
      [
        'index-dropped',
        'index app.order_at was dropped (CREATE INDEX order_at ON app."Order" USING btree (at) WHERE (total > (0)::numeric))',
      ],
    ],
  },
  {
    title: 'a renamed index',
    sql: 'ALTER INDEX app.order_at RENAME TO at_order',
    told: [['index-renamed', 'index app.order_at was renamed to app.at_order']],
  },
  {
    title: 'an index that was made anew otherwise',
    sql: 'DROP INDEX app.order_at; CREATE INDEX order_at ON app."Order" (at)',
    told: [
      [
        'index-changed',
        'index app.order_at: CREATE INDEX order_at ON app."Order" USING btree (at) WHERE (total > (0)::numeric) → CREATE INDEX order_at ON app."Order" USING btree (at)',
      ],
    ],
  },
  {
    title: 'a new key with its index once',
    sql: 'ALTER TABLE app.customer ADD UNIQUE (code)',
    told: [['constraint-added', 'constraint customer_code_key ON app.customer was added (UNIQUE (code))']],
  },
  {
    title: 'a dropped key',
    sql: 'ALTER TABLE app."Order" DROP CONSTRAINT of_customer',
    told: [
      [
        'constraint-dropped',
        'constraint of_customer ON app."Order" was dropped (FOREIGN KEY (customer) REFERENCES app.customer(id))',
      ],
    ],
  },
  {
    title: 'a renamed key',
    sql: 'ALTER TABLE app."Order" RENAME CONSTRAINT "Order_pkey" TO "Order key"',
    told: [
      [
        'constraint-renamed',
        'constraint "Order_pkey" ON app."Order" was renamed to "Order key" ON app."Order"',
      ],
    ],
  },
  {
    title: 'another key of the same name',
    sql: 'ALTER TABLE app."Order" DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (total > 0)',
    told: [
      [
        'constraint-changed',
        'constraint positive ON app."Order": CHECK ((total >= (0)::numeric)) → CHECK ((total > (0)::numeric))',
      ],
    ],
  },
  {
    title: 'options of a key’s index',
    sql: 'ALTER INDEX app.customer_pkey SET (fillfactor = 80)',
    told: [
      [
        'constraint-changed',
        'constraint customer_pkey ON app.customer: PRIMARY KEY (id) → PRIMARY KEY (id) WITH (fillfactor=80)',
      ],
    ],
  },
  {
    title: 'a key that can wait',
    sql: 'ALTER TABLE app."Order" ALTER CONSTRAINT of_customer DEFERRABLE',
    told: [
      [
        'constraint-changed',
        'constraint of_customer ON app."Order": FOREIGN KEY (customer) REFERENCES app.customer(id) → FOREIGN KEY (customer) REFERENCES app.customer(id) DEFERRABLE',
      ],
    ],
  },
  {
    title: 'a constraint of a whole inheritance tree once',
    sql: 'ALTER TABLE app.parent ADD CONSTRAINT big CHECK (a > 0)',
    told: [['constraint-added', 'constraint big ON app.parent was added (CHECK ((a > 0)))']],
  },

  {
    title: 'a new view',
    sql: 'CREATE VIEW app.v AS SELECT 1 AS one',
    told: [['view-added', 'view app.v was added']],
  },
  {
    title: 'another view',
    sql: 'CREATE OR REPLACE VIEW app.spent AS SELECT name, 1.5 AS total FROM app.customer',
    told: [['view-changed', 'view app.spent was changed']],
  },
  {
    title: 'a view’s renamed column',
    sql: 'ALTER VIEW app.spent RENAME total TO sum',
    told: [['view-changed', 'view app.spent was changed']],
  },
  {
    title: 'a dropped materialised view once',
    sql: 'DROP MATERIALIZED VIEW app.top',
    told: [['view-dropped', 'view app.top was dropped']],
  },
  {
    title: 'a changed function',
    sql: `CREATE OR REPLACE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n + n'`,
    told: [['function-changed', 'function app.twice(integer) was changed']],
  },
  {
    title: 'a new function of the same name',
    sql: `CREATE FUNCTION app.twice(n text) RETURNS text LANGUAGE sql AS 'SELECT n || n'`,
    told: [['function-added', 'function app.twice(text) was added']],
  },
  {
    title: 'a renamed procedure and a dropped aggregate',
    sql: `DROP AGGREGATE app.total(int); ALTER FUNCTION app.touch() RENAME TO touch_it`,
    told: [
      ['function-dropped', 'function app.total(integer) was dropped'],
      ['function-renamed', 'function app.touch() was renamed to app.touch_it()'],
    ],
  },
  {
    title: 'settings of a function',
    sql: `ALTER FUNCTION app.twice(int) SET search_path = 'app'`,
    told: [['function-changed', 'function app.twice(integer) was changed']],
  },

  {
    title: 'a new value of an enum',
    sql: `ALTER TYPE app.mood ADD VALUE 'so-so' BEFORE 'ok'`,
    told: [['enum-value-added', `type app.mood: value 'so-so' was added`]],
  },
  {
    title: 'a renamed value of an enum',
    sql: `ALTER TYPE app.mood RENAME VALUE 'ok' TO 'happy'`,
    told: [['enum-value-renamed', `type app.mood: value 'ok' was renamed to 'happy'`]],
  },
  {
    title: 'a new type once',
    sql: `CREATE TYPE app.size AS ENUM ('s', 'm'); CREATE TYPE app.ranges AS RANGE (subtype = float8)`,
    told: [
      ['type-added', 'type app.ranges was added'],
      ['type-added', 'type app.size was added'],
    ],
  },
  {
    title: 'another composite type',
    sql: 'ALTER TYPE app.point ADD ATTRIBUTE z int',
    told: [['type-changed', 'type app.point: (x integer, y integer) → (x integer, y integer, z integer)']],
  },
  {
    title: 'another domain',
    sql: 'ALTER DOMAIN app.email DROP CONSTRAINT has_at',
    told: [['type-changed', `type app.email: text CONSTRAINT has_at CHECK ((VALUE ~~ '%@%'::text)) → text`]],
  },
  {
    title: 'a renamed type',
    sql: 'ALTER TYPE app.mood RENAME TO feeling',
    told: [['type-renamed', 'type app.mood was renamed to app.feeling']],
  },

  {
    title: 'a changed sequence',
    sql: 'ALTER SEQUENCE app.numbers INCREMENT 5',
    told: [
      [
        'sequence-changed',
        'sequence app.numbers: AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 → AS bigint START 1 INCREMENT 5 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1',
      ],
    ],
  },
  {
    title: 'a new sequence',
    sql: 'CREATE SEQUENCE app.more',
    told: [['sequence-added', 'sequence app.more was added']],
  },
  {
    title: 'a sequence that a table got',
    sql: 'ALTER SEQUENCE app.numbers OWNED BY app.customer.id',
    told: [
      [
        'sequence-changed',
        'sequence app.numbers: AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 → AS bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 OWNED BY app.customer.id',
      ],
    ],
  },
  {
    title: 'a new trigger, and one that is disabled',
    sql: `CREATE TRIGGER other AFTER INSERT ON app.customer FOR EACH STATEMENT EXECUTE FUNCTION app.touch(); ALTER TABLE app."Order" DISABLE TRIGGER touched`,
    told: [
      ['trigger-added', 'trigger other ON app.customer was added'],
      [
        'trigger-changed',
        'trigger touched ON app."Order": CREATE TRIGGER touched BEFORE UPDATE ON app."Order" FOR EACH ROW WHEN ((old.at IS NULL)) EXECUTE FUNCTION app.touch() → DISABLED CREATE TRIGGER touched BEFORE UPDATE ON app."Order" FOR EACH ROW WHEN ((old.at IS NULL)) EXECUTE FUNCTION app.touch()',
      ],
    ],
  },
  {
    title: 'a dropped trigger of a partitioned table once',
    sql: 'DROP TRIGGER touched ON app.event',
    told: [['trigger-dropped', 'trigger touched ON app.event was dropped']],
  },
  {
    title: 'a changed policy',
    sql: 'ALTER POLICY own ON app.customer USING (true)',
    told: [
      [
        'policy-changed',
        'policy own ON app.customer: FOR SELECT TO PUBLIC USING ((name = CURRENT_USER)) → FOR SELECT TO PUBLIC USING (true)',
      ],
    ],
  },
  {
    title: 'a dropped policy and a dropped rule',
    sql: 'DROP POLICY own ON app.customer; DROP RULE nobody ON app.customer',
    told: [
      ['rule-dropped', 'rule nobody ON app.customer was dropped'],
      ['policy-dropped', 'policy own ON app.customer was dropped'],
    ],
  },

  { title: 'a new schema', sql: 'CREATE SCHEMA fresh', told: [['schema-added', 'schema fresh was added']] },
  {
    title: 'a renamed schema, and nothing in it',
    sql: 'ALTER SCHEMA app RENAME TO application',
    told: [['schema-renamed', 'schema app was renamed to application']],
  },
  {
    title: 'a new extension once',
    sql: `CREATE EXTENSION ltree SCHEMA app VERSION '1.2'`,
    told: [['extension-added', `extension ltree was added (VERSION '1.2' SCHEMA app)`]],
  },
  {
    title: 'a newer extension, and a dropped one',
    sql: `ALTER EXTENSION citext UPDATE TO '1.5'; DROP EXTENSION hstore`,
    told: [
      ['extension-changed', `extension citext: VERSION '1.4' SCHEMA public → VERSION '1.5' SCHEMA public`],
      ['extension-dropped', `extension hstore was dropped (VERSION '1.4' SCHEMA public)`],
    ],
  },
  {
    title: 'rare objects',
    sql: 'CREATE CAST (app.mood AS int) WITH INOUT; DROP TEXT SEARCH CONFIGURATION app.words',
    told: [
      ['object-added', 'cast (app.mood AS integer) was added'],
      ['object-dropped', 'text search configuration app.words was dropped'],
    ],
  },

  {
    title: 'another owner',
    sql: 'ALTER TABLE app."Order" OWNER TO boss',
    told: [['owner-changed', 'owner of app."Order": postgres → boss']],
  },
  {
    title: 'privileges',
    sql: 'GRANT INSERT ON app.customer TO reader; GRANT SELECT (total) ON app."Order" TO reader; REVOKE EXECUTE ON FUNCTION app.twice FROM PUBLIC',
    told: [
      ['privileges-changed', 'privileges of app."Order".total: standard → reader=SELECT'],
      ['privileges-changed', 'privileges of app.customer: (nothing) → reader=INSERT'],
      ['privileges-changed', 'privileges of app.twice(integer): standard → owner=EXECUTE'],
    ],
  },
  {
    title: 'default privileges',
    sql: 'ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO reader',
    told: [['object-added', 'default acl for role postgres in schema app on tables was added']],
  },
];

/** Statements that leave the schema as it was, or touch only what does not travel; of a list, each on its own. */
export const QUIET: { title: string; sql: string | string[] }[] = [
  { title: 'VACUUM FULL', sql: 'VACUUM FULL app.customer' },
  { title: 'CLUSTER', sql: 'CLUSTER app."Order" USING "Order_pkey"' },
  { title: 'ANALYZE', sql: 'ANALYZE' },
  { title: 'TRUNCATE', sql: 'TRUNCATE app.customer CASCADE' },
  { title: 'REINDEX', sql: ['REINDEX TABLE CONCURRENTLY app.customer', 'REINDEX TABLE app."Order"'] },
  { title: 'REFRESH', sql: 'REFRESH MATERIALIZED VIEW app.top' },
  { title: 'nextval', sql: `SELECT nextval('app.numbers'); ALTER SEQUENCE app.numbers RESTART` },
  { title: 'a temporary table', sql: 'CREATE TEMP TABLE customer (a int); CREATE TEMP VIEW v AS SELECT 1' },
  {
    title: 'a statistics target',
    sql: 'ALTER TABLE app.customer ALTER name SET STATISTICS 500; DROP STATISTICS app.s',
  },
  { title: 'a replica identity', sql: 'ALTER TABLE app.child REPLICA IDENTITY FULL' },
  {
    title: 'what pgtrek makes',
    sql: `CREATE SCHEMA pgtrek; CREATE TABLE pgtrek.pgtrek_drift_1 (id text PRIMARY KEY); CREATE PUBLICATION pgtrek_drift_1 FOR TABLE app.customer, pgtrek.pgtrek_drift_1`,
  },
  {
    title: 'a change of an excluded table',
    sql: `ALTER TABLE audit.log ADD more int; CREATE INDEX ON audit.log (at); CREATE TABLE audit.new (a serial); CREATE TABLE audit.p PARTITION OF audit.part DEFAULT; GRANT SELECT ON audit.log TO reader`,
  },
  {
    title: 'a view, a function, a key, an index, a trigger or a policy that was made anew as it was',
    sql: `
      DROP VIEW app.spent CASCADE;
      CREATE VIEW app.spent AS SELECT c.name, sum(o.total) AS total
        FROM app."Order" o JOIN app.customer c ON c.id = o.customer GROUP BY 1;
      CREATE MATERIALIZED VIEW app.top AS SELECT * FROM app.spent ORDER BY total DESC LIMIT 10;
      CREATE INDEX top_name ON app.top (name);
      DROP FUNCTION app.twice;
      CREATE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
      ALTER TABLE app."Order" DROP CONSTRAINT of_customer;
      ALTER TABLE app."Order" ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES app.customer;
      DROP INDEX app.order_at;
      CREATE INDEX order_at ON app."Order" (at) WHERE total > 0;
      DROP TRIGGER touched ON app."Order";
      CREATE TRIGGER touched BEFORE UPDATE ON app."Order" FOR EACH ROW WHEN (OLD.at IS NULL) EXECUTE FUNCTION app.touch();
      DROP POLICY own ON app.customer;
      CREATE POLICY own ON app.customer FOR SELECT TO PUBLIC USING (name = current_user)`,
  },
  {
    title: 'a default that was set to what it is',
    sql: `ALTER TABLE app.customer ALTER note SET DEFAULT   'x'`,
  },
  {
    title: 'a privilege that was given and taken again',
    sql: 'GRANT UPDATE ON app."Order" TO reader; REVOKE UPDATE ON app."Order" FROM reader; REVOKE ALL ON SEQUENCE app.numbers FROM PUBLIC',
  },
];
