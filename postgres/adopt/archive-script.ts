/** An archive's entries as SQL, one by one: an adoption is one transaction, in which other statements stand between them. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withFolder } from '../job.js';
import type { Job } from '../job.js';
import type { PlannedEntry } from '../ledger/schema-plan.js';
import { runTool } from '../run-tool.js';
import { restoreArguments } from '../schema/restore-section.js';

/** Of the schema, by the line of the list; as pg_restore would run them, behind settings of its own. */
export async function readScript(
  job: Job,
  { pgRestore, archive, entries }: { pgRestore: string; archive: Buffer; entries: PlannedEntry[] },
): Promise<Map<string, string>> {
  if (entries.length === 0) return new Map();
  const script = await withFolder(job, async (folder) => {
    const file = path.join(folder, 'schema.dump');
    const list = path.join(folder, 'schema.list');
    await writeFile(file, archive);
    await writeFile(list, entries.map(({ line }) => `${line}\n`).join(''));
    const { stdout } = await runTool(job, {
      tool: pgRestore,
      what: 'list',
      args: ['--verbose', '--file=-', ...restoreArguments(job), `--use-list=${list}`, file],
      step: 'pg_restore',
      code: 'RESTORE_FAILED',
    });
    return stdout;
  });
  return cutScript(script, entries);
}

/** `-- TOC entry 215 (class 1259 OID 16403)`; by the number, in the order of the list, whatever a function's body holds. */
function cutScript(script: string, entries: PlannedEntry[]): Map<string, string> {
  const starts = entries.map(({ line }) => {
    const id = /^\d+/.exec(line)?.[0] ?? '';
    const found = new RegExp(`^-- TOC entry ${id} \\(class \\d+ OID \\d+\\)$`, 'm').exec(script);
    return found?.index ?? -1;
  });
  const sorted = [...starts].filter((at) => at >= 0).sort((a, b) => a - b);
  return new Map(
    entries.map(({ line }, i) => {
      const start = starts[i] ?? -1;
      const next = sorted.find((at) => at > start) ?? script.length;
      return [line, start < 0 ? '' : withoutCommands(script.slice(start, next))];
    }),
  );
}

/** Of psql: pg_restore writes them at both ends of a script. */
function withoutCommands(text: string): string {
  return text.replace(/^\\(un)?restrict .*$/gm, '');
}
