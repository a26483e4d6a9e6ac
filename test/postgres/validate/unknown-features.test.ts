import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FEATURES } from '../../../postgres/validate/features.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

/** One object for each feature that PostgreSQL 14 and 15 brought; what is newer has a fixture. */
const OBJECTS = `
  CREATE TABLE parents (id int, part int, PRIMARY KEY (id, part));
  CREATE TABLE orders (
    id int PRIMARY KEY, parent int, part int, note text COMPRESSION pglz, spans int4multirange, rounded numeric(3, -2),
    CONSTRAINT orders_unique UNIQUE NULLS NOT DISTINCT (note),
    CONSTRAINT orders_parent FOREIGN KEY (parent, part) REFERENCES parents ON DELETE SET NULL (part)
  );
  CREATE STATISTICS sums ON (part + id), (part - id) FROM orders;
  CREATE VIEW seen WITH (security_invoker) AS SELECT id FROM orders;
  CREATE UNLOGGED SEQUENCE numbers;
  CREATE TYPE span AS RANGE (subtype = int);
  CREATE PROCEDURE tell(IN a int, OUT b int) LANGUAGE plpgsql AS 'BEGIN b := a; END';
  CREATE FUNCTION one() RETURNS int LANGUAGE SQL BEGIN ATOMIC SELECT 1; END;`;

const FOUND: Record<string, string> = {
  'NULLS NOT DISTINCT': 'index public.orders_unique',
  security_invoker: 'view public.seen',
  'SET NULL or SET DEFAULT for some columns only': 'constraint public.orders.orders_parent',
  'an unlogged sequence': 'sequence public.numbers',
  'numeric with a negative scale': 'column public.orders.rounded',
  'a compression method of its own': 'column public.orders.note',
  'a multirange': 'column public.orders.spans',
  'a multirange beside it': 'type public.span',
  'OUT parameters of a procedure': 'procedure public.tell(integer)',
  'a body in standard SQL': 'routine public.one()',
  'statistics on expressions': 'statistics public.sums',
};

describe('features of newer majors', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    for (const end of ['source', 'target'] as const) await databases.run(end, OBJECTS);
  });
  after(() => pair.remove());

  for (const end of ['source', 'target'] as const) {
    it(`of 14 and 15 are found on the ${end}`, async () => {
      for (const { what, sql, since = 0 } of FEATURES.filter(({ since }) => since && since <= 15)) {
        const rows = await databases.run(
          end,
          `SET search_path = ''; WITH selected AS (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i')
           SELECT kind || ' ' || name AS found FROM (${sql}) AS f (kind, name)`,
        );
        assert.deepEqual(
          rows.map(({ found }) => found),
          [FOUND[what]],
          `${String(since)}: ${what}`,
        );
      }
    });
  }
});
