/** What no tool can be much faster than: psql alone, told what to do from a plan that costs nothing. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isExecutable, psqlOf, runClientTool, uriOf } from './client-tool.js';
import { readFloorPlan } from './floor-plan.js';
import type { FloorPlan, FloorTable } from './floor-plan.js';
import { inParallel } from './in-parallel.js';
import { Phases } from './phases.js';
import { dumpSchema, restorePostData, restorePreData } from './schema-archive.js';
import { JOBS } from './subject.js';
import type { Arena, Outcome, Subject } from './subject.js';

export const floor: Subject = {
  name: 'floor',
  absence: async (tools) => {
    const psql = psqlOf({ tools });
    return (await isExecutable(psql)) ? undefined : `${psql} cannot be run`;
  },
  prepare: async (arena) => ({ go: () => moveByPsql(arena) }),
};

async function moveByPsql(arena: Arena): Promise<Outcome> {
  const phases = new Phases();
  await phases.time('schema', async () => {
    await dumpSchema(arena);
    await restorePreData(arena);
  });
  const plan = await readFloorPlan(arena.source);
  await phases.time('copy', () => copyTables(arena, plan));
  await phases.time('indexes', () => buildIndexes(arena, plan));
  await phases.time('rest', async () => {
    await runScript(arena, { name: 'keys', statements: [...plan.keys, ...plan.sequences] });
    await restorePostData(arena, { without: ['CONSTRAINT', 'INDEX'] });
  });
  await phases.time('analyze', () => runPsql(arena, ['-c', 'ANALYZE']));
  return { phases: phases.seconds() };
}

async function copyTables(arena: Arena, { tables, smallTables }: FloorPlan): Promise<void> {
  // Otherwise a job would have nothing to do.
  const parts = tables.length < JOBS ? JOBS : 1;
  const jobs = [
    ...tables.flatMap((table) => inParts(table, parts)).map((part) => () => copyPart(arena, part)),
    ...smallTables.map((batch, n) => () => copyBatch(arena, { name: `copy-${n}`, tables: batch })),
  ];
  await inParallel(jobs, { limit: JOBS, run: (job) => job() });
}

async function buildIndexes(arena: Arena, { indexes, smallIndexes }: FloorPlan): Promise<void> {
  const jobs = [
    ...indexes.map((build) => () => runPsql(arena, ['-c', build])),
    ...smallIndexes.map((batch, n) => () => runScript(arena, { name: `indexes-${n}`, statements: batch })),
  ];
  await inParallel(jobs, { limit: JOBS, run: (job) => job() });
}

interface CopyCommands {
  from: string;
  to: string;
}

/** By ranges of pages, all about as long. */
function inParts({ name, pages }: FloorTable, parts: number): CopyCommands[] {
  const to = `COPY ${name} FROM STDIN (FORMAT binary)`;
  if (parts === 1) return [{ from: `COPY ${name} TO STDOUT (FORMAT binary)`, to }];
  const bounds = Array.from({ length: parts + 1 }, (_, n) => Math.ceil((pages * n) / parts));
  return bounds.slice(1).map((end, n) => {
    const range = `ctid >= '(${bounds[n] ?? 0},0)' AND ctid < '(${end},0)'`;
    return { from: `COPY (SELECT * FROM ${name} WHERE ${range}) TO STDOUT (FORMAT binary)`, to };
  });
}

const OPTIONS = ['-X', '-q', '-v', 'ON_ERROR_STOP=1'];

// By bash, as dash has no pipefail: with it the first psql's failure is the whole line's.
const COPY_PART = `set -o pipefail; "$PSQL" ${OPTIONS.join(' ')} -c "$FROM" "$SOURCE" | "$PSQL" ${OPTIONS.join(' ')} -c "$TO" "$TARGET"`;
const COPY_BATCH = `set -o pipefail; "$PSQL" ${OPTIONS.join(' ')} -f "$SCRIPT" "$SOURCE" | "$PSQL" ${OPTIONS.join(' ')} -1 -f - "$TARGET"`;

async function copyPart(arena: Arena, { from, to }: CopyCommands): Promise<void> {
  await runBash(arena, COPY_PART, { FROM: from, TO: to });
}

/** Many small tables through one pair of sessions: the first writes a script that the second runs. */
async function copyBatch(arena: Arena, { name, tables }: { name: string; tables: string[] }): Promise<void> {
  const script = join(arena.folder, `${name}.sql`);
  const lines = tables.map(
    (table) =>
      `\\echo 'COPY ${table.replaceAll("'", "''")} FROM STDIN;'\nCOPY ${table} TO STDOUT;\n\\echo '\\\\.'\n`,
  );
  await writeFile(script, lines.join(''));
  await runBash(arena, COPY_BATCH, { SCRIPT: script });
}

async function runBash(arena: Arena, script: string, env: Record<string, string>): Promise<void> {
  const { source, target } = arena;
  await runClientTool(arena, {
    file: 'bash',
    args: ['-c', script],
    env: { ...SESSION, PSQL: psqlOf(arena), SOURCE: uriOf(source), TARGET: uriOf(target), ...env },
  });
}

/** In one transaction. */
async function runScript(
  arena: Arena,
  { name, statements }: { name: string; statements: string[] },
): Promise<void> {
  if (statements.length === 0) return;
  const script = join(arena.folder, `${name}.sql`);
  await writeFile(script, statements.map((statement) => `${statement};\n`).join(''));
  await runPsql(arena, ['-1', '-o', '/dev/null', '-f', script]);
}

// Parallel workers of index builds as the server has them: without any it was never faster, nor was FREEZE.
const SESSION = { PGOPTIONS: '-c synchronous_commit=off' };

async function runPsql(arena: Arena, args: string[]): Promise<void> {
  await runClientTool(arena, {
    file: psqlOf(arena),
    args: [...OPTIONS, ...args],
    connection: arena.target,
    env: SESSION,
  });
}
