/** pgbench's tables and its transaction, by sessions that can change servers, which pgbench cannot. */
import { PeakMemory } from '../peak-memory.js';
import { fillTables } from '../apply/backlog.js';
import { query } from '../load/sql.js';
import type { CutoverArena, CutoverCase } from './case.js';
import { openDirectory } from './directory.js';
import { ACCOUNT_SQL, createWriters } from './writers.js';

/** 100,000 accounts, about 15 MB, each. */
const FULL_SCALE = 100;
export const SESSIONS = 8;

export async function fillPgbench(arena: CutoverArena, scale: number): Promise<void> {
  const { source, tools, belongings, app } = arena;
  await fillTables(
    { source, tools, belongings, memory: new PeakMemory() },
    Math.max(1, Math.round(FULL_SCALE * scale)),
  );
  await query(source, `${ACCOUNT_SQL}; ${grantsTo(app.user)}`);
}

export function grantsTo(user: string): string {
  return `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${user}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${user}`;
}

export const pgbench: CutoverCase = {
  name: 'pgbench',
  fill: fillPgbench,
  async start(arena) {
    const [row] = await query<{ branches: number }>(
      arena.source,
      'SELECT count(*)::int AS branches FROM pgbench_branches',
    );
    const branches = row?.branches ?? 1;
    const directory = await openDirectory(arena);
    const transaction = () => tpcb(branches);
    return {
      clients: createWriters({ arena, directory, sessions: SESSIONS, rate: 0, transaction }),
      hooks: [{ http: { url: directory.url } }],
      environment: {},
    };
  },
};

function tpcb(branches: number): string {
  const aid = oneTo(100_000 * branches);
  const tid = oneTo(10 * branches);
  const bid = oneTo(branches);
  const delta = oneTo(10_001) - 5_001;
  return `UPDATE pgbench_accounts SET abalance = abalance + ${delta} WHERE aid = ${aid};
    SELECT abalance FROM pgbench_accounts WHERE aid = ${aid};
    UPDATE pgbench_tellers SET tbalance = tbalance + ${delta} WHERE tid = ${tid};
    UPDATE pgbench_branches SET bbalance = bbalance + ${delta} WHERE bid = ${bid};
    INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (${tid}, ${bid}, ${aid}, ${delta}, CURRENT_TIMESTAMP)`;
}

export function oneTo(most: number): number {
  return 1 + Math.floor(Math.random() * most);
}
