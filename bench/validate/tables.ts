/** Many small tables: what validate takes for each of them. */
import type { ClientConfig } from 'pg';
import { query } from '../load/sql.js';

/** Of so many, one has two partitions. */
const PARTITIONED = 100;
/** Of so many, one refers to another. */
const REFERRING = 10;
// Not all in one transaction, whose locks would need more memory.
const AT_ONCE = 500;

export async function makeTables(connection: ClientConfig, tables: number): Promise<void> {
  for (let first = 1; first <= tables; first += AT_ONCE)
    await query(connection, makeSql(first, Math.min(first + AT_ONCE - 1, tables)));
  await query(connection, 'VACUUM (FREEZE, ANALYZE)');
}

const makeSql = (first: number, last: number) => `
  DO $make$
  BEGIN
    FOR n IN ${first} .. ${last} LOOP
      EXECUTE format(
        'CREATE TABLE t_%s (id int PRIMARY KEY, parent int, note text NOT NULL, at timestamptz DEFAULT now())%s',
        n, CASE WHEN n % ${PARTITIONED} = 0 THEN ' PARTITION BY RANGE (id)' END);
      IF n % ${PARTITIONED} = 0 THEN
        EXECUTE format('CREATE TABLE t_%1$s_a PARTITION OF t_%1$s FOR VALUES FROM (0) TO (100)', n);
        EXECUTE format('CREATE TABLE t_%1$s_b PARTITION OF t_%1$s FOR VALUES FROM (100) TO (200)', n);
      END IF;
      EXECUTE format('CREATE INDEX ON t_%s (note)', n);
      EXECUTE format('INSERT INTO t_%s (id, note) SELECT i, md5(i::text) FROM generate_series(1, 10) i', n);
      IF n % ${REFERRING} = 1 AND n > 1 THEN
        EXECUTE format('ALTER TABLE t_%s ADD FOREIGN KEY (parent) REFERENCES t_%s', n, n - 1);
      END IF;
    END LOOP;
  END
  $make$`;
