/** A schema with one object of every kind that a fingerprint holds. */
export const SCHEMA_SQL = `
  CREATE SCHEMA app;
  CREATE EXTENSION hstore SCHEMA public VERSION '1.4';
  CREATE EXTENSION citext SCHEMA public VERSION '1.4';
  CREATE TYPE app.mood AS ENUM ('sad', 'ok');
  CREATE TYPE app.point AS (x int, y int);
  CREATE TYPE app.span AS RANGE (subtype = numeric);
  CREATE DOMAIN app.email AS text CONSTRAINT has_at CHECK (VALUE LIKE '%@%');
  CREATE SEQUENCE app.numbers;
  CREATE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
  CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int);

  CREATE TABLE app.customer (
    id int PRIMARY KEY, name text NOT NULL, "e-mail" app.email, mood app.mood, note text DEFAULT 'x',
    code varchar(10) COLLATE "C", twice int GENERATED ALWAYS AS (id * 2) STORED
  );
  CREATE TABLE app."Order" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number serial,
    customer int CONSTRAINT of_customer REFERENCES app.customer, total numeric(10,2) CONSTRAINT positive CHECK (total >= 0),
    at timestamptz, EXCLUDE (at WITH =)
  );
  CREATE INDEX order_at ON app."Order" (at) WHERE total > 0;
  CREATE UNIQUE INDEX customer_name ON app.customer (lower(name));
  CREATE TRIGGER touched BEFORE UPDATE ON app."Order" FOR EACH ROW WHEN (OLD.at IS NULL) EXECUTE FUNCTION app.touch();
  CREATE POLICY own ON app.customer FOR SELECT TO PUBLIC USING (name = current_user);
  CREATE RULE nobody AS ON DELETE TO app.customer WHERE OLD.id = 0 DO INSTEAD NOTHING;
  CREATE VIEW app.spent AS SELECT c.name, sum(o.total) AS total
    FROM app."Order" o JOIN app.customer c ON c.id = o.customer GROUP BY 1;
  CREATE MATERIALIZED VIEW app.top AS SELECT * FROM app.spent ORDER BY total DESC LIMIT 10;
  CREATE INDEX top_name ON app.top (name);
  CREATE STATISTICS app.s ON name, note FROM app.customer;

  CREATE TABLE app.event (id int, at date NOT NULL, what text DEFAULT 'a', PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE app.event_2025 PARTITION OF app.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE app.event_2026 PARTITION OF app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE app.event_2027 (LIKE app.event INCLUDING ALL);
  CREATE TRIGGER touched AFTER UPDATE ON app.event FOR EACH ROW EXECUTE FUNCTION app.touch();
  CREATE TABLE app.parent (a int, CONSTRAINT small CHECK (a < 100));
  CREATE TABLE app.child (b int) INHERITS (app.parent);

  CREATE SCHEMA audit;
  CREATE TABLE audit.log (id serial PRIMARY KEY, at timestamptz);
  CREATE TABLE audit.part (at date) PARTITION BY RANGE (at);
  CREATE TEXT SEARCH CONFIGURATION app.words (PARSER = default);
  CREATE COLLATION app.plain FROM "C";
  GRANT SELECT ON app.customer TO PUBLIC;
  INSERT INTO app.customer (id, name) SELECT n, 'name ' || n FROM generate_series(1, 100) n`;
