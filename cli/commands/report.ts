import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { renderReport } from '../report/render-report.js';
import { UsageError } from '../usage-error.js';

export function addReportCommand(program: Command): void {
  program
    .command('report')
    .description(
      'Write all that is known of a migration, running or ended, as one page of HTML, or with --json as JSON.',
    )
    .argument('<name>', 'the migration')
    .option(
      '-o, --output <file>',
      'where to; - is stdout (default: <name>-report.html in this folder; with --json stdout)',
    )
    .action(async (name: string, { output }: { output?: string }, command: Command) => {
      await withPgtrek(command, async (pgtrek) => {
        const isJson = wantsJson(command);
        const report = await pgtrek.get(name).report();
        const text = isJson ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report);
        await write(output ?? (isJson ? '-' : `${name}-report.html`), text);
        for (const missing of report.completeness.missing) console.error(`pgtrek: ${missing}`);
        return EXIT.done;
      });
    });
}

async function write(file: string, text: string): Promise<void> {
  if (file === '-') {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new UsageError(
      `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  console.error(`Written: ${file}`);
}
