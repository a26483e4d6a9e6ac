import { Command, Option } from 'commander';
import { addAbortCommand } from './commands/abort.js';
import { addCutoverCommand } from './commands/cutover.js';
import { addDemoCommand } from './commands/demo.js';
import { addEventsCommand } from './commands/events.js';
import { addFinishCommand } from './commands/finish.js';
import { addListCommand } from './commands/list.js';
import { addOrphansCommand } from './commands/orphans.js';
import { addPauseCommand } from './commands/pause.js';
import { addReportCommand } from './commands/report.js';
import { addRestartCommand } from './commands/restart.js';
import { addResumeCommand } from './commands/resume.js';
import { addRetryCommand } from './commands/retry.js';
import { addRollbackCommand } from './commands/rollback.js';
import { addSetLoadCommand } from './commands/set-load.js';
import { addStartCommand } from './commands/start.js';
import { addStatusCommand } from './commands/status.js';
import { addStopCommand } from './commands/stop.js';
import { addTablesCommand } from './commands/tables.js';
import { addValidateCommand } from './commands/validate.js';
import { addVerifyCommand } from './commands/verify.js';
import { addWorkerCommand } from './commands/worker.js';
import { packageVersion } from '../contract/package-version.js';
import { EXIT_CODES_HELP } from './exit-codes.js';

/** The whole command tree; options of the program may stand before or after the command's name. */
export function buildProgram(): Command {
  const program = new Command('pgtrek')
    .description('Moves a live PostgreSQL database to another server as one durable Temporal workflow.')
    .version(packageVersion())
    .option(
      '--address <host:port>',
      'Temporal server (default: TEMPORAL_ADDRESS, Temporal’s config file, localhost:7233)',
    )
    .option(
      '--namespace <name>',
      'Temporal namespace (default: TEMPORAL_NAMESPACE, Temporal’s config file, default)',
    )
    .addOption(
      new Option('--task-queue <name>', 'task queue of the workers (default: the spec’s, or pgtrek)').env(
        'PGTREK_TASK_QUEUE',
      ),
    )
    .option('--json', 'print one JSON document on stdout')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(pgtrek --help, or pgtrek <command> --help, shows what can be written)')
    .addHelpText('afterAll', EXIT_CODES_HELP)
    .exitOverride();
  for (const add of COMMANDS) add(program);
  return program;
}

/** In the order in which a person needs them. */
const COMMANDS = [
  addDemoCommand,
  addWorkerCommand,
  addValidateCommand,
  addStartCommand,
  addStatusCommand,
  addTablesCommand,
  addEventsCommand,
  addListCommand,
  addReportCommand,
  addPauseCommand,
  addResumeCommand,
  addSetLoadCommand,
  addRetryCommand,
  addRestartCommand,
  addVerifyCommand,
  addStopCommand,
  addCutoverCommand,
  addRollbackCommand,
  addFinishCommand,
  addAbortCommand,
  addOrphansCommand,
];
