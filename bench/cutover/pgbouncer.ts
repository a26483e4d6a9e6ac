/** pgbench itself, which knows one address for ever: that of a PgBouncer, which the cutover pauses and points elsewhere. */
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startPgBouncer } from '../../dev/pgbouncer.js';
import type { PgBouncer } from '../../dev/pgbouncer.js';
import { sendSignal } from '../../dev/process.js';
import { waitUntil } from '../../dev/wait-until.js';
import { pgbenchOf } from '../apply/backlog.js';
import { startClientTool } from '../load/client-tool.js';
import type { ProcessGroup } from '../load/client-tool.js';
import { query } from '../load/sql.js';
import type { CaseParts, Clients, ClientsReport, CutoverArena, CutoverCase, End } from './case.js';
import { longestGap } from './pause-of.js';
import type { Done } from './pause-of.js';
import { SESSIONS, fillPgbench } from './tpcb.js';

/** As docs/hooks.md has it. */
const RETARGET = `#!/bin/sh
set -eu
printf '%s = host=%s port=%s dbname=%s\\n' \\
  "$2" "$PGTREK_PRIMARY_HOST" "$PGTREK_PRIMARY_PORT" "$PGTREK_PRIMARY_DATABASE" > "$1.new"
mv "$1.new" "$1"
`;

const DATABASE = 'bench';

export const pgbouncer: CutoverCase = {
  name: 'pgbouncer',
  fill: fillPgbench,
  async start(arena) {
    const pooler = await arena.belongings.open(
      () =>
        startPgBouncer({
          databases: { [DATABASE]: arena.source },
          users: { [arena.app.user]: arena.app.password },
        }),
      (started) => started.remove(),
    );
    const hooksDir = join(arena.folder, 'hooks');
    await mkdir(hooksDir, { recursive: true });
    await writeFile(join(hooksDir, 'retarget'), RETARGET);
    await chmod(join(hooksDir, 'retarget'), 0o755);
    return {
      clients: createPgbench(arena, pooler),
      hooks: [hookOf(pooler)],
      environment: { PGTREK_HOOKS: hooksDir, PGBOUNCER_PASSWORD: pooler.admin.password },
    };
  },
};

function hookOf({ port, admin, databasesFile }: PgBouncer): CaseParts['hooks'][number] {
  return {
    pgbouncer: {
      host: '127.0.0.1',
      port,
      user: admin.user,
      password: { env: 'PGBOUNCER_PASSWORD' },
      tls: { mode: 'disable' },
      database: DATABASE,
      retarget: { run: ['retarget', databasesFile, DATABASE] },
    },
  };
}

/** Longer than any run. */
const FOR_EVER = '86400';

/** A transaction takes milliseconds, unless it waits for a PgBouncer that nobody resumes. */
const END_DEADLINE_MS = 10_000;

/** So many more transactions show that it goes on. */
const MORE = 100;

function createPgbench(arena: CutoverArena, pooler: PgBouncer): Clients {
  const windows: { from: number; to: number }[] = [];
  const log = join(arena.folder, 'transactions');
  let running: ProcessGroup | undefined;
  let begunAt = 0;
  let primary: End = 'source';
  return {
    async begin() {
      begunAt = Date.now();
      running = await startClientTool(arena, {
        file: pgbenchOf(arena.tools),
        args: [
          ...['--no-vacuum', `--client=${SESSIONS}`, '--jobs=2', `--time=${FOR_EVER}`],
          ...['--log', `--log-prefix=${log}`],
        ],
        connection: pooler.connection(arena.app.user, DATABASE),
      });
      await untilMore(arena, 'source');
    },
    watch() {
      windows.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
    },
    async untilOn(end) {
      await untilMore(arena, end);
      const window = windows.at(-1);
      if (window) window.to = Date.now();
      primary = end;
    },
    async stop() {
      // As its own timer does: it ends after the running transactions, and tells what it has done.
      if (running?.pid !== undefined) sendSignal(running.pid, 'SIGALRM');
      const late = setTimeout(() => void running?.end(), END_DEADLINE_MS);
      const told = (await running?.output.catch((error: unknown) => String(error))) ?? '';
      clearTimeout(late);
      const done = await readLog(arena.folder);
      const committed = numberIn(told, /actually processed: (\d+)/);
      return {
        pausesMs: windows.map(({ from, to }) =>
          longestGap(done.filter(({ endedAt }) => endedAt >= from && endedAt <= to)),
        ),
        committed,
        perSecond: committed / ((Date.now() - begunAt) / 1_000),
        cancelled: 0,
        failed: numberIn(told, /failed transactions: (\d+)/),
        problems: await problemsOf(arena, { told, committed, primary }),
      };
    },
  };
}

async function untilMore(arena: CutoverArena, end: End): Promise<void> {
  const there = (await countHistory(arena, end)) + MORE;
  const goesOn = async () => (await countHistory(arena, end)) >= there;
  if (await waitUntil(goesOn, { deadlineMs: 60_000 })) return;
  throw new Error(`pgbench does not write to the ${end}`);
}

async function problemsOf(
  arena: CutoverArena,
  { told, committed, primary }: { told: string; committed: number; primary: End },
): Promise<ClientsReport['problems']> {
  const held = await countHistory(arena, primary);
  return [
    ...(/aborted|error|fatal/i.test(told) ? [`pgbench: ${told.slice(-1_000)}`] : []),
    ...(held === committed ? [] : [`pgbench has committed ${committed} transactions; there are ${held}`]),
  ];
}

async function countHistory(arena: CutoverArena, end: End): Promise<number> {
  const [row] = await query<{ n: number }>(arena[end], 'SELECT count(*)::int AS n FROM pgbench_history');
  return row?.n ?? 0;
}

/** Lines of its log: client, number, latency in µs, script, seconds and µs of the time of its end. */
async function readLog(folder: string): Promise<Done[]> {
  const files = (await readdir(folder)).filter((name) => name.startsWith('transactions.'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts
    .flatMap((text) => text.trimEnd().split('\n'))
    .map((line) => {
      const [, , latency, , seconds, microseconds] = line.split(' ').map(Number);
      return {
        endedAt: (seconds ?? 0) * 1_000 + (microseconds ?? 0) / 1_000,
        latencyMs: (latency ?? 0) / 1_000,
      };
    });
}

/** 0 where the text does not tell. */
function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
