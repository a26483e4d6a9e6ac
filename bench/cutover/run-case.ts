/** One case: its databases are filled, a migration follows, and the primary changes again and again while clients write. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CutoverReport, Direction } from '../../contract/cutover.js';
import { Belongings } from '../../dev/belongings.js';
import type { Suite } from '../hold-suite.js';
import { query } from '../load/sql.js';
import type { Stage } from '../load/stage.js';
import type { CutoverOptions } from '../program.js';
import type { ClientsReport, CutoverArena, CutoverCase } from './case.js';
import { openCutoverMigration } from './migration.js';

export interface CaseFigures {
  name: CutoverCase['name'];
  /** Of the source database, before clients write. */
  bytes: number;
  clients: ClientsReport;
  changes: OneChange[];
}

export interface OneChange {
  direction: Direction;
  /** As the clients saw it. */
  pauseMs: number;
  report: CutoverReport;
  /** Why earlier attempts at it were not done. */
  before: string[];
}

const SOURCE = 'bench';
const TARGET = 'bench_target';
const APP = { user: 'bench_app', password: 'bench' };

export async function runCase(
  { progress, signal }: Pick<Suite, 'progress' | 'signal'>,
  { stage, options, chosen }: { stage: Stage; options: CutoverOptions; chosen: CutoverCase },
): Promise<CaseFigures> {
  const belongings = new Belongings();
  try {
    const arena = await openArena(stage, { options, chosen, belongings });
    await progress.step(`${chosen.name}: filling the source database`, () =>
      belongings.await(() => chosen.fill(arena, options.scale)),
    );
    const bytes = await sizeOf(arena);
    const { clients, ...parts } = await chosen.start(arena);
    const migration = await progress.step(`${chosen.name}: loading, until changes follow`, () =>
      openCutoverMigration(arena, { ...parts, pgtrek: stage.pgtrek, signal }),
    );
    await belongings.open(
      () => clients.begin(),
      () => clients.stop(),
    );
    const changes: Omit<OneChange, 'pauseMs'>[] = [];
    for (let run = 1; run <= options.runs; run += 1) {
      for (const direction of ['forward', 'back'] as const) {
        clients.watch();
        const change = await migration.change(direction);
        await clients.untilOn(direction === 'forward' ? 'target' : 'source');
        changes.push({ direction, ...change });
        progress.say(`${chosen.name}: run ${run} of ${options.runs}, ${describe(direction, change.report)}`);
      }
    }
    const told = await clients.stop();
    await progress.step(`${chosen.name}: removing the migration`, () => migration.abort());
    return {
      name: chosen.name,
      bytes,
      clients: told,
      changes: changes.map((change, index) => ({ ...change, pauseMs: told.pausesMs[index] ?? Number.NaN })),
    };
  } finally {
    const failures = await belongings.closeAll();
    for (const failure of failures) console.error(failure);
    await dropDatabases(stage);
  }
}

function describe(direction: Direction, { fence }: CutoverReport): string {
  return `${direction}: ${fence?.pauseMs ?? '?'} ms, ${fence?.cancelled ?? '?'} cancelled, ${fence?.ended ?? '?'} ended`;
}

async function openArena(
  { servers, tools, folder }: Stage,
  { options, chosen, belongings }: { options: CutoverOptions; chosen: CutoverCase; belongings: Belongings },
): Promise<CutoverArena> {
  const own = join(folder, chosen.name);
  await mkdir(own);
  for (const [end, database] of [
    ['source', SOURCE],
    ['target', TARGET],
  ] as const) {
    await query(servers[end].connection(), `CREATE ROLE ${APP.user} LOGIN PASSWORD '${APP.password}'`);
    await query(servers[end].connection(), `CREATE DATABASE ${database}`);
  }
  return {
    source: servers.source.connection(SOURCE),
    target: servers.target.connection(TARGET),
    app: APP,
    tools,
    folder: own,
    belongings,
    rate: options.rate,
  };
}

async function sizeOf({ source }: CutoverArena): Promise<number> {
  const [row] = await query<{ bytes: string }>(
    source,
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  return Number(row?.bytes ?? 0);
}

async function dropDatabases({ servers }: Stage): Promise<void> {
  for (const [end, database] of [
    ['target', TARGET],
    ['source', SOURCE],
  ] as const) {
    await query(servers[end].connection(), `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await query(servers[end].connection(), `DROP ROLE IF EXISTS ${APP.user}`);
  }
}
