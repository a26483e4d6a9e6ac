import type { Command } from 'commander';
import type { Finding } from '../../client/index.js';
import { EXIT } from '../exit-codes.js';
import { wantsJson } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { readSpec } from '../read-spec.js';
import { renderFindings, verdictOf } from '../render/findings.js';

interface ValidateOptions {
  file: string;
  verbose?: boolean;
  strict?: boolean;
}

export function addValidateCommand(program: Command): void {
  program
    .command('validate')
    .description('Check both databases from this machine, change nothing; exit code 2 when something blocks.')
    .requiredOption('-f, --file <spec>', 'the spec, YAML or JSON; - reads stdin')
    .option('-v, --verbose', 'show what is fine as well')
    .option('--strict', 'exit code 1 when there are warnings')
    .addHelpText(
      'after',
      '\nPasswords are resolved here, in your environment, and no Temporal server is needed.',
    )
    .action(validate);
}

async function validate(options: ValidateOptions, command: Command): Promise<void> {
  const input = await readSpec(options.file);
  const { validateHere } = await import('../../workers/index.js');
  const { findings, estimates } = await validateHere(input);
  const verdict = verdictOf(findings);
  if (wantsJson(command)) printJson({ verdict, findings, estimates });
  else
    printLines(renderFindings(findings, { ...terminalOf(), verbose: options.verbose ?? false, estimates }));
  process.exitCode = exitCodeOf(verdict, options);
}

function exitCodeOf(verdict: Finding['verdict'], { strict = false }: ValidateOptions): number {
  if (verdict === 'block') return EXIT.blocked;
  return strict && verdict === 'warn' ? EXIT.error : EXIT.done;
}
