/** 10,000 small tables: what a table costs, not what a row costs. */
import type { DataSet } from '../data-set.js';

const TABLES = 10_000;
/** Every so many have an index beside the primary key. */
const INDEXED = 4;

// Not all in one transaction, whose locks would need more memory.
const TABLES_SQL = `
  DO $fill$
  BEGIN
    FOR n IN 1 .. tables LOOP
      EXECUTE format('CREATE TABLE tenant_%s (id int PRIMARY KEY, code text NOT NULL, at timestamptz NOT NULL, data jsonb)', n);
      EXECUTE format($insert$
        INSERT INTO tenant_%s SELECT i, md5(i::text), timestamptz '2024-01-01 00:00:00+00' + i * interval '1 hour', jsonb_build_object('n', i)
        FROM generate_series(1, %s) i$insert$, n, 1 + n % 20);
      IF n % ${INDEXED} = 0 THEN
        EXECUTE format('CREATE INDEX tenant_%s_code ON tenant_%s (code)', n, n);
      END IF;
      IF n % 500 = 0 THEN
        COMMIT;
      END IF;
    END LOOP;
  END
  $fill$`;

export const many: DataSet = {
  name: 'many',
  fill: async (client, scale) => {
    // Parameters are not for DO.
    await client.query(TABLES_SQL.replace('.. tables', `.. ${Math.ceil(TABLES * scale)}`));
  },
};
