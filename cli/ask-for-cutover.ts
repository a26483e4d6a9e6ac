/** What `cutover` and `rollback` share: one is the other with the ends exchanged. */
import type { Command } from 'commander';
import type { Migration, MigrationState } from '../client/index.js';
import { awaitCutover } from './await-cutover.js';
import type { CutoverEnd } from './await-cutover.js';
import { EXIT } from './exit-codes.js';
import { wantsJson, withPgtrek } from './globals.js';
import { REASON_OPTION, senderOf } from './message.js';
import type { MessageOptions } from './message.js';
import { printJson, printLines, terminalOf } from './output.js';
import { parseSpan } from './parse-option.js';
import { renderCutoverEnd } from './render/cutover.js';
import type { SwitchOver } from './render/cutover.js';

interface CutoverOptions extends MessageOptions {
  dryRun?: true;
  maxPause?: string;
  deadline: number;
}

/** A look at both ends, the marker, the longest pause, and the sequences of a large database. */
const DEADLINE_MS = 120_000;

type Message = NonNullable<Parameters<Migration['cutover']>[0]>;

export interface Asking {
  word: SwitchOver;
  description: string;
  /** Of `--max-pause`. */
  maxPause: string;
  send: (migration: Migration, message: Message) => Promise<MigrationState>;
}

export function addSwitchOver(program: Command, { word, description, maxPause: pause, send }: Asking): void {
  program
    .command(word)
    .description(description)
    .argument('<name>', 'the migration')
    .option('--dry-run', 'only look whether it can begin now')
    .option('--max-pause <span>', pause)
    .option(
      '--deadline <span>',
      'wait this long for its end; it goes on without you (default: 2min)',
      parseSpan,
    )
    .option(...REASON_OPTION)
    .action(async (name: string, options: CutoverOptions, command: Command) => {
      const { dryRun, maxPause, deadline = DEADLINE_MS } = options;
      await withPgtrek(command, async (pgtrek) => {
        const migration = pgtrek.get(name);
        const asked = await send(migration, {
          ...(dryRun ? { dryRun } : {}),
          ...(maxPause === undefined ? {} : { maxPause }),
          ...senderOf(options),
        });
        const end = await awaitCutover(migration, { asked, deadlineMs: deadline });
        if (wantsJson(command)) printJson(end.state);
        else printLines(renderCutoverEnd(word, end, terminalOf()));
        return exitCodeOf(end);
      });
    });
}

/** refused and undone did no harm: what stands in the way is told, and it can be tried again. */
function exitCodeOf(end: CutoverEnd): number {
  if (end.kind === 'blocked') return EXIT.blocked;
  if (end.kind !== 'report') return EXIT.error;
  return end.report.outcome === 'ready' || end.report.outcome === 'done' ? EXIT.done : EXIT.blocked;
}
