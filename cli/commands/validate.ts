import type { Command } from 'commander';
import type { Finding } from '../../client/index.js';
import { EXIT } from '../exit-codes.js';
import { fixFindings } from '../fix.js';
import { wantsJson } from '../globals.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { readSpec } from '../read-spec.js';
import { renderFindings, verdictOf } from '../render/findings.js';

interface ValidateOptions {
  file: string;
  verbose?: boolean;
  rehearse?: boolean;
  fix?: boolean;
  yes?: boolean;
  strict?: boolean;
}

export function addValidateCommand(program: Command): void {
  program
    .command('validate')
    .description('Check both databases from this machine, change nothing; exit code 2 when something blocks.')
    .requiredOption('-f, --file <spec>', 'the spec, YAML or JSON; - reads stdin')
    .option('-v, --verbose', 'show what is fine as well')
    .option('--rehearse', 'restore the schema into a database of its own on the target, and drop it again')
    .option('--fix', 'run the statements that findings name as fixes, and validate again')
    .option('--yes', 'consent to --fix without being asked')
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
  const validateIt = () => validateHere(input, { rehearse: options.rehearse ?? false });
  const first = await validateIt();
  const { findings, estimates, fixes } = options.fix
    ? await fixFindings(input, first, { validateIt, yes: options.yes ?? false, json: wantsJson(command) })
    : { ...first, fixes: undefined };
  const verdict = verdictOf(findings);
  if (wantsJson(command)) printJson({ verdict, findings, estimates, ...(fixes ? { fixes } : {}) });
  else
    printLines(renderFindings(findings, { ...terminalOf(), verbose: options.verbose ?? false, estimates }));
  process.exitCode = exitCodeOf(verdict, options);
}

function exitCodeOf(verdict: Finding['verdict'], { strict = false }: ValidateOptions): number {
  if (verdict === 'block') return EXIT.blocked;
  return strict && verdict === 'warn' ? EXIT.error : EXIT.done;
}
