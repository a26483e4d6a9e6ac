import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { wantsJson } from '../globals.js';

interface DemoOptions {
  keep?: boolean;
  factor: number;
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('Move a database between two throw-away servers on this machine, while it is written to.')
    .option('--keep', 'leave the servers running afterwards')
    .option('--factor <n>', 'size of the database, in steps', parseFactor, 1)
    .action(async ({ keep, factor }: DemoOptions, command: Command) => {
      const { runDemo } = await import('../../dev/demo.js');
      process.exitCode = await runDemo({ keep: keep ?? false, factor, json: wantsJson(command) });
    });
}

function parseFactor(text: string): number {
  const factor = Number(text);
  if (!Number.isFinite(factor) || factor <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return factor;
}
