/** validate --fix: shows what would be run, asks once, runs it, and validates again. */
import { createInterface } from 'node:readline/promises';
import type { Finding, SpecInput } from '../client/index.js';
import type { fixHere, validateHere } from '../workers/index.js';
import { senderName } from './globals.js';
import { printLines, terminalOf } from './output.js';
import { renderFixes, renderOutcomes } from './render/fixes.js';
import { UsageError } from './usage-error.js';

type Fix = NonNullable<Finding['fix']>;
type Validation = Awaited<ReturnType<typeof validateHere>>;
type Outcome = Awaited<ReturnType<typeof fixHere>>[number];

interface FixOptions {
  validateIt: () => Promise<Validation>;
  /** Consent was given beforehand. */
  yes: boolean;
  /** stdout is for a document alone. */
  json: boolean;
}

/** Of one kind of finding 20 are told in one validation: those behind them were consented to with them. */
export async function fixFindings(
  input: SpecInput,
  first: Validation,
  { validateIt, yes, json }: FixOptions,
): Promise<Validation & { fixes: Outcome[] }> {
  const print = json ? (lines: string[]) => console.error(lines.join('\n')) : printLines;
  const { colour } = terminalOf();
  const asked = new Set(first.findings.filter(({ fix }) => fix).map(({ id }) => id));
  const tried = new Set<string>();
  const outcomes: Outcome[] = [];
  let validation = first;
  let due = fixesOf(validation.findings, asked, tried);
  print(renderFixes(due, { colour, more: first.findings.some(({ id, more }) => more && asked.has(id)) }));
  if (due.length > 0 && !yes) await askConsent();
  while (due.length > 0) {
    const { fixHere: run } = await import('../workers/index.js');
    const done = await run(input, { fixes: due, by: senderName() });
    print(renderOutcomes(done, validation.findings, { colour }));
    outcomes.push(...done);
    validation = await validateIt();
    due = fixesOf(validation.findings, asked, tried);
  }
  return { ...validation, fixes: outcomes };
}

/** Once each, though several findings may name the same one; they are noted as tried. */
function fixesOf(findings: Finding[], asked: Set<string>, tried: Set<string>): Fix[] {
  return findings.flatMap(({ id, fix }) => {
    if (!fix || !asked.has(id)) return [];
    const key = JSON.stringify([fix.on, fix.statements]);
    if (tried.has(key)) return [];
    tried.add(key);
    return [fix];
  });
}

async function askConsent(): Promise<void> {
  if (!process.stdin.isTTY)
    throw new UsageError('--fix runs these statements: give --yes where nobody can be asked');
  const question = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await question.question('Write yes to run them: ');
  question.close();
  if (answer.trim() !== 'yes') throw new UsageError('nothing was done');
}
