import type { Command } from 'commander';
import type { MigrationSummary, MigrationView, Pgtrek } from '../../client/index.js';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { createLiveScreen } from '../live-screen.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { renderChanges } from '../render/changes.js';
import { renderStatus } from '../render/status.js';
import { UsageError } from '../usage-error.js';

interface StatusOptions {
  watch?: boolean;
}

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('Show how a migration stands; with --watch until it has ended.')
    .argument('[name]', 'the migration; may be left out while exactly one runs')
    .option('-w, --watch', 'follow it to its end (exit code 1 if that is not completed)')
    .action(async (name: string | undefined, options: StatusOptions, command: Command) => {
      await withPgtrek(command, async (pgtrek) => {
        const chosen = name ?? (await theRunningOne(pgtrek));
        const format = wantsJson(command) ? 'json' : 'text';
        return options.watch ? watchStatus(pgtrek, chosen, format) : showStatus(pgtrek, chosen, format);
      });
    });
}

async function theRunningOne(pgtrek: Pgtrek): Promise<string> {
  const running = (await pgtrek.list()).filter(({ workflow }) => workflow === 'running');
  const [first, ...others] = running.map(({ name }) => name);
  if (first === undefined)
    throw new UsageError('no migration runs; name an ended one (pgtrek list shows them)');
  if (others.length > 0)
    throw new UsageError(`several migrations run, name one: ${[first, ...others].join(', ')}`);
  return first;
}

async function showStatus(pgtrek: Pgtrek, name: string, format: 'json' | 'text'): Promise<number> {
  const migration = pgtrek.get(name);
  const [summary, state, live] = await Promise.all([
    migration.summary(),
    migration.state(),
    migration.live(),
  ]);
  if (format === 'json') printJson({ state, live, workflow: summary.workflow });
  else
    printLines(
      renderStatus(state, live, { ...terminalOf(), ...endsOf(summary), workflow: summary.workflow }),
    );
  return EXIT.done;
}

async function watchStatus(pgtrek: Pgtrek, name: string, format: 'json' | 'text'): Promise<number> {
  const migration = pgtrek.get(name);
  const summary = await migration.summary();
  const show = format === 'json' ? printView : process.stdout.isTTY ? drawer(summary) : logger();
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  let last: MigrationView | undefined;
  for await (last of migration.watch({ signal: interrupt.signal })) show(last);
  if (interrupt.signal.aborted) return EXIT.interrupted;
  return last?.state.status === 'completed' ? EXIT.done : EXIT.error;
}

function drawer(summary: MigrationSummary): (view: MigrationView) => void {
  const screen = createLiveScreen();
  return ({ state, live, workflow, problem }) => {
    const told = problem === undefined ? {} : { problem: problem.message };
    screen.draw(renderStatus(state, live, { ...terminalOf(), ...endsOf(summary), workflow, ...told }));
  };
}

function logger(): (view: MigrationView) => void {
  let before: MigrationView | undefined;
  return (view) => {
    printLines(renderChanges(before, view, new Date()));
    before = view;
  };
}

function printView({ state, live, workflow, problem }: MigrationView): void {
  printJson({ state, live, workflow, ...(problem ? { problem } : {}) });
}

function endsOf({ source, target }: MigrationSummary): { ends?: { source: string; target: string } } {
  return source === undefined || target === undefined ? {} : { ends: { source, target } };
}
