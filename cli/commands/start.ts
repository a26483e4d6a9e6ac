import type { Command } from 'commander';
import { PgtrekError } from '../../client/index.js';
import type { Migration, MigrationState, MigrationView, Pgtrek } from '../../client/index.js';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { readSpec } from '../read-spec.js';
import { renderFindings } from '../render/findings.js';
import { renderRemedy } from '../render/remedy.js';
import { wrapTo } from '../render/text.js';

interface StartOptions {
  file: string;
  detach?: boolean;
  verbose?: boolean;
}

/** Validating takes seconds; this often a person sees it end at once. */
const LOOK_EVERY_MS = 300;

export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('Start a migration and wait until validate has ended; exit code 2 when it is blocked.')
    .requiredOption('-f, --file <spec>', 'the spec, YAML or JSON; - reads stdin')
    .option('--detach', 'return as soon as Temporal has it, even when no worker runs yet')
    .option('-v, --verbose', 'show what validate found fine as well')
    .action(async (options: StartOptions, command: Command) => {
      const input = await readSpec(options.file);
      await withPgtrek(command, async (pgtrek) => {
        const migration = await pgtrek.start(input, { requireWorker: !options.detach, onWait: tellWait });
        const state = options.detach ? undefined : await waitForValidate(migration);
        if (wantsJson(command)) printJson({ name: migration.name, ...(state ? { state } : {}) });
        else
          printLines(
            describeStart({ pgtrek, name: migration.name, state, verbose: options.verbose ?? false }),
          );
        return state?.status === 'blocked' ? EXIT.blocked : EXIT.done;
      });
    });
}

function tellWait({ taskQueue, forMs }: { taskQueue: string; forMs: number }): void {
  const seconds = Math.ceil(forMs / 1_000);
  console.error(`pgtrek: no worker polls task queue "${taskQueue}" yet; waiting ${seconds} s for one …`);
}

async function waitForValidate(migration: Migration): Promise<MigrationState> {
  for await (const view of migration.watch({ intervalMs: LOOK_EVERY_MS })) {
    if (hasFailed(view)) await migration.result();
    const isOver = view.state.stages.some(({ name, status }) => name === 'validate' && status === 'done');
    if (isOver || view.state.status === 'blocked' || view.workflow !== 'running') return view.state;
  }
  throw new PgtrekError('INTERNAL_ERROR', `The migration "${migration.name}" ended without a state.`);
}

/** Then only the workflow's result tells why. */
function hasFailed({ workflow }: MigrationView): boolean {
  return workflow !== 'running' && workflow !== 'completed';
}

interface Started {
  pgtrek: Pgtrek;
  name: string;
  state: MigrationState | undefined;
  verbose: boolean;
}

function describeStart({ pgtrek, name, state, verbose }: Started): string[] {
  const webUi = `In Temporal's Web UI: namespace ${pgtrek.namespace}, workflow pgtrek-${name}`;
  if (!state) return [`Started ${name}.`, `Follow it:  pgtrek status ${name} --watch`, webUi];
  const terminal = terminalOf();
  const findings = renderFindings(state.findings, {
    ...terminal,
    verbose,
    estimates: state.estimates ?? [],
  });
  if (state.status !== 'blocked') {
    return [...findings, '', `${name} is on its way.`, `Follow it:  pgtrek status ${name} --watch`, webUi];
  }
  const { blocked } = state;
  const isTold = state.findings.some(({ verdict }) => verdict === 'block');
  const reason = blocked && !isTold ? wrapTo(`${blocked.code}: ${blocked.message}`, terminal) : [];
  const remedy =
    blocked?.remedy !== undefined && !isTold
      ? renderRemedy(blocked.remedy, { ...terminal, indent: '  ' })
      : [];
  return [
    ...findings,
    '',
    `${name} is blocked and waits; nothing was changed yet.`,
    ...reason,
    ...remedy,
    `When it is mended:  pgtrek retry ${name}      To give up:  pgtrek abort ${name}`,
    webUi,
  ];
}
