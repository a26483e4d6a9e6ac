import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Verification } from '../../client/index.js';
import { awaitVerification } from '../await-verification.js';
import { EXIT } from '../exit-codes.js';
import { wantsJson, withPgtrek } from '../globals.js';
import { createLiveScreen } from '../live-screen.js';
import { REASON_OPTION, senderOf } from '../message.js';
import type { MessageOptions } from '../message.js';
import { printJson, printLines, terminalOf } from '../output.js';
import { readSpec } from '../read-spec.js';
import { renderVerification, renderVerificationEnd } from '../render/verification.js';
import { cutTo } from '../render/text.js';
import { UsageError } from '../usage-error.js';

interface VerifyOptions extends MessageOptions {
  file?: string;
  point?: true;
  table?: string[];
  repair?: true;
  yes?: true;
  report?: string;
}

export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .description(
      'Compare both databases, rows and schema, inside both servers; exit code 1 when they differ.',
    )
    .argument('[name]', 'the migration; its worker compares')
    .option('-f, --file <spec>', 'compare from this machine, without Temporal; - reads stdin')
    .option('--point', 'with --file: nothing changes meanwhile, so that every difference counts')
    .option('--table <pattern>', 'only these; may be given several times', (one, all: string[] = []) => [
      ...all,
      one,
    ])
    .option('--repair', 'make rows that differ on the target as they are on the source; the lanes must stand')
    .option('--yes', 'consent to --repair without being asked')
    .option('--report <file>', 'write the result there, as JSON')
    .option(...REASON_OPTION)
    .action(verify);
}

async function verify(name: string | undefined, options: VerifyOptions, command: Command): Promise<void> {
  const { file, point, repair } = options;
  if ((name === undefined) === (file === undefined))
    throw new UsageError('give the name of a migration, or --file <spec>');
  if (point && file === undefined) throw new UsageError('--point goes with --file: a migration knows it');
  if (repair && file !== undefined && !point)
    throw new UsageError('--repair needs --point: nothing may change');
  if (repair && !options.yes) await askConsent();
  if (name === undefined) process.exitCode = await verifyHere(options, command);
  else await verifyThere(name, options, command);
}

async function askConsent(): Promise<void> {
  if (!process.stdin.isTTY)
    throw new UsageError('--repair changes rows of the target: give --yes where nobody can be asked');
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asked.question('Rows of the target that differ are overwritten. Write yes to go on: ');
  asked.close();
  if (answer.trim() !== 'yes') throw new UsageError('nothing was done');
}

async function verifyHere(options: VerifyOptions, command: Command): Promise<number> {
  const input = await readSpec(options.file ?? '-');
  const { verifyHere: compare } = await import('../../workers/index.js');
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  try {
    const verification = await compare(input, {
      kind: options.point ? 'point' : 'online',
      ...wantedOf(options),
      signal: interrupt.signal,
      onStep: teller(),
    });
    return await tell(verification, options, command);
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT.interrupted;
    throw error;
  }
}

async function verifyThere(name: string, options: VerifyOptions, command: Command): Promise<void> {
  await withPgtrek(command, async (pgtrek) => {
    const migration = pgtrek.get(name);
    const before = await migration.state();
    const asked = await migration.verify({ ...wantedOf(options), ...senderOf(options) });
    const interrupt = new AbortController();
    process.once('SIGINT', () => interrupt.abort());
    const end = await awaitVerification(migration, {
      before,
      asked,
      signal: interrupt.signal,
      onStep: teller(),
    });
    if (end.kind === 'report') return tell(end.verification, options, command);
    if (wantsJson(command)) printJson(end.state);
    else printLines(renderVerificationEnd(end));
    return end.kind === 'left' ? EXIT.interrupted : EXIT.error;
  });
}

function wantedOf({ table, repair }: VerifyOptions): { tables?: string[]; repair?: true } {
  return { ...(table === undefined ? {} : { tables: table }), ...(repair ? { repair } : {}) };
}

/** Progress is for a person who looks on. */
function teller(): (text: string) => void {
  if (!process.stderr.isTTY) return () => undefined;
  const screen = createLiveScreen(process.stderr);
  return (text) => screen.draw([cutTo(text, terminalOf(process.stderr).width)]);
}

async function tell(
  verification: Verification,
  { report }: VerifyOptions,
  command: Command,
): Promise<number> {
  if (report !== undefined) await writeFile(report, `${JSON.stringify(verification, null, 2)}\n`);
  if (wantsJson(command)) printJson(verification);
  else printLines(renderVerification(verification, terminalOf()));
  return verification.equal ? EXIT.done : EXIT.error;
}
