import type { Command } from 'commander';
import { measureOnce } from '../../client/index.js';
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
  const { workflow } = summary;
  const load = workflow === 'running' ? measureOnce(state, live, new Date()) : undefined;
  if (format === 'json') printJson({ state, live, ...(load ? { load } : {}), workflow });
  else printLines(renderStatus(state, live, { ...terminalOf(), ...endsOf(summary), workflow }));
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

/** About so many lines of the picture are not tables that are being copied. */
const OTHER_LINES = 24;
const LEAST_COPIES = 4;

function drawer(summary: MigrationSummary): (view: MigrationView) => void {
  const screen = createLiveScreen();
  return ({ state, live, load, workflow, problem }) => {
    const told = problem === undefined ? {} : { problem: problem.message };
    const progress = load === undefined ? {} : { load };
    const copies = Math.max(LEAST_COPIES, (process.stdout.rows || 0) - OTHER_LINES);
    const options = { ...terminalOf(), ...endsOf(summary), workflow, copies, ...progress, ...told };
    screen.draw(renderStatus(state, live, options));
  };
}

function logger(): (view: MigrationView) => void {
  let before: MigrationView | undefined;
  return (view) => {
    printLines(renderChanges(before, view));
    before = view;
  };
}

function printView({ state, live, load, workflow, problem }: MigrationView): void {
  printJson({ state, live, ...(load ? { load } : {}), workflow, ...(problem ? { problem } : {}) });
}

function endsOf({ source, target }: MigrationSummary): { ends?: { source: string; target: string } } {
  return source === undefined || target === undefined ? {} : { ends: { source, target } };
}
