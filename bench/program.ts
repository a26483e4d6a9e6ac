/** The arguments of `npm run bench -- …`. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { SUBJECT_NAMES } from './load/subject.js';
import type { SubjectName } from './load/subject.js';

export interface LoadOptions {
  subjects: SubjectName[];
  /** How often each subject is measured. */
  runs: number;
  /** Share of the full set of data: 1 is about 1.5 GB. */
  scale: number;
  /** Default: the newest embedded PostgreSQL below the target's that pg_dump can read. */
  sourceMajor?: number;
  /** Default: the newest embedded PostgreSQL. */
  targetMajor?: number;
  /** Where the rows are written. */
  json?: string;
}

export interface Suites {
  /** Returns the exit code. */
  load: (options: LoadOptions) => Promise<number>;
}

export function buildProgram(suites: Suites): Command {
  const program = new Command('bench')
    .description(
      'Measures pgtrek against what PostgreSQL itself offers, on throw-away servers of this machine.',
    )
    .showHelpAfterError('(npm run bench -- load --help shows what can be written)')
    .exitOverride();
  program
    .command('load')
    .description('The time until a whole database is on another server: schema, rows, indexes, statistics.')
    .option('--json <file>', 'write the figures there, as rows', parseOutputFile)
    .option('--runs <n>', 'how often each subject is measured, in turn', parseCount, 3)
    .option('--scale <factor>', 'share of the full set of data, of 1.5 GB', parseFactor, 1)
    .option('--subjects <names>', `of ${SUBJECT_NAMES.join(',')}`, parseSubjects, [...SUBJECT_NAMES])
    .option(
      '--source-major <n>',
      'default: the newest that pg_dump here can read, below the target',
      parseCount,
    )
    .option('--target-major <n>', 'default: the newest that is installed', parseCount)
    .action(async (options: LoadOptions) => {
      process.exitCode = await suites.load(options);
    });
  return program;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return count;
}

/** Above 10 neither memory nor patience of a developer's machine would do. */
function parseFactor(text: string): number {
  const factor = Number(text);
  if (!(factor > 0 && factor <= 10)) throw new InvalidArgumentError('It must be a number above 0, up to 10.');
  return factor;
}

function parseSubjects(text: string): SubjectName[] {
  return [...new Set(text.split(','))].map((name) => {
    const known = SUBJECT_NAMES.find((candidate) => candidate === name);
    if (known === undefined) {
      throw new InvalidArgumentError(
        `There is no subject "${name}": choose from ${SUBJECT_NAMES.join(', ')}.`,
      );
    }
    return known;
  });
}

/** Before the first run, not after an hour of them. */
function parseOutputFile(text: string): string {
  const file = resolve(text);
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch {
    throw new InvalidArgumentError(`No file can be written in ${dirname(file)}.`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InvalidArgumentError('It is a folder.');
  }
  return file;
}
