import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { wantsJson } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { readSpec } from '../read-spec.js';
import { renderFindings, verdictOf } from '../render/findings.js';

interface ValidateOptions {
  file: string;
  verbose?: boolean;
  rehearse?: boolean;
}

export function addValidateCommand(program: Command): void {
  program
    .command('validate')
    .description('Check both databases from this machine, change nothing; exit code 2 when something blocks.')
    .requiredOption('-f, --file <spec>', 'the spec, YAML or JSON; - reads stdin')
    .option('-v, --verbose', 'show what is fine as well')
    .option('--rehearse', 'restore the schema into a database of its own on the target, and drop it again')
    .addHelpText(
      'after',
      '\nPasswords are resolved here, in your environment, and no Temporal server is needed.',
    )
    .action(validate);
}

async function validate(options: ValidateOptions, command: Command): Promise<void> {
  const input = await readSpec(options.file);
  const { validateHere } = await import('../../workers/index.js');
  const { findings, estimates } = await validateHere(input, { rehearse: options.rehearse ?? false });
  const verdict = verdictOf(findings);
  if (wantsJson(command)) printJson({ verdict, findings, estimates });
  else printLines(renderFindings(findings, { ...terminalOf(), verbose: options.verbose ?? false }));
  process.exitCode = verdict === 'block' ? EXIT.blocked : EXIT.done;
}
