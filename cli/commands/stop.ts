import { Option } from 'commander';
import type { Command } from 'commander';
import type { MigrationState, StopMessage, StopThen } from '../../client/index.js';
import { paintWith } from '../render/colour.js';
import { describeStop } from '../render/stop-line.js';
import { UsageError } from '../usage-error.js';
import { REASON_OPTION, senderOf, sendMessage } from '../message.js';
import type { MessageOptions } from '../message.js';

interface StopOptions extends MessageOptions {
  at?: string;
  lsn?: string;
  now?: true;
  never?: true;
  then?: StopThen;
}

export function addStopCommand(program: Command): void {
  program
    .command('stop')
    .description('Plan the stop of replication, change the plan, or take it back.')
    .argument('<name>', 'the migration')
    .addOption(
      new Option('--at <time>', 'at this time of the source’s clock: 2026-12-01T02:00:00Z').conflicts([
        'lsn',
        'now',
        'never',
      ]),
    )
    .addOption(
      new Option(
        '--lsn <position>',
        'at this position of the source’s log, not yet reached: 16/B374D848',
      ).conflicts(['now', 'never']),
    )
    .addOption(new Option('--now', 'as soon as possible').conflicts(['never']))
    .addOption(new Option('--never', 'take the planned stop back'))
    .addOption(
      new Option(
        '--then <what>',
        'finish: set sequences, clean up, complete; wait: for finish, cutover, resume or another stop',
      ).choices(['finish', 'wait']),
    )
    .option(...REASON_OPTION)
    .action(async (name: string, options: StopOptions, command: Command) => {
      const message = messageOf(options);
      await sendMessage(command, name, { send: (migration) => migration.stop(message), say: sayPlan });
    });
}

function messageOf(options: StopOptions): StopMessage {
  const { at, lsn, now, never, then } = options;
  if (at === undefined && lsn === undefined && !now && !never)
    throw new UsageError('say when to stop: --at <time>, --lsn <position>, --now or --never');
  return {
    ...(at === undefined ? {} : { at }),
    ...(lsn === undefined ? {} : { lsn }),
    ...(now ? { now } : {}),
    ...(never ? { never } : {}),
    ...(then === undefined ? {} : { then }),
    ...senderOf(options),
  };
}

function sayPlan(state: MigrationState): string[] {
  const plan = describeStop({ state, now: new Date(), paint: paintWith(false) });
  return [`${state.name} stops ${plan || 'when told to'}`, `Follow it:  pgtrek status ${state.name} --watch`];
}
