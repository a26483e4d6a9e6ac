/** Two hundred tables, of which each transaction changes three in random order: any order of locks meets one that deadlocks with it. */
import { query } from '../load/sql.js';
import type { CutoverCase } from './case.js';
import { openDirectory } from './directory.js';
import { grantsTo, oneTo } from './tpcb.js';
import { ACCOUNT_SQL, createWriters } from './writers.js';

const TABLES = 200;
/** About 160 bytes each, with the index. */
const FULL_ROWS = 48_000;
const SESSIONS = 16;

export const tables: CutoverCase = {
  name: 'tables',
  async fill({ source, app }, scale) {
    await query(source, fillSql(rowsAt(scale)));
    await query(source, `${ACCOUNT_SQL}; ${grantsTo(app.user)}`);
    await query(source, 'VACUUM (FREEZE, ANALYZE)');
  },
  async start(arena) {
    const [row] = await query<{ rows: number }>(arena.source, 'SELECT count(*)::int AS rows FROM t_1');
    const rows = row?.rows ?? 1;
    const directory = await openDirectory(arena);
    const transaction = () => changeThree(rows);
    return {
      clients: createWriters({ arena, directory, sessions: SESSIONS, rate: arena.rate, transaction }),
      hooks: [{ http: { url: directory.url } }],
      environment: {},
    };
  },
};

function rowsAt(scale: number): number {
  return Math.max(100, Math.round(FULL_ROWS * scale));
}

function fillSql(rows: number): string {
  return `DO $$ BEGIN FOR i IN 1..${TABLES} LOOP
      EXECUTE format('CREATE TABLE t_%s (id int PRIMARY KEY, amount bigint NOT NULL, note text NOT NULL)', i);
      EXECUTE format('INSERT INTO t_%s SELECT n, 0, repeat(md5(n::text), 3) FROM generate_series(1, ${rows}) n', i);
    END LOOP; END $$`;
}

function changeThree(rows: number): string {
  const chosen = new Set<number>();
  while (chosen.size < 3) chosen.add(oneTo(TABLES));
  return [...chosen]
    .map((table) => `UPDATE t_${table} SET amount = amount + 1 WHERE id = ${oneTo(rows)}`)
    .join('; ');
}
