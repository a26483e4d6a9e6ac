/** The arguments of `npm run bench -- …`. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { DATA_SET_NAMES } from './load/data-set.js';
import type { DataSetName } from './load/data-set.js';
import { SUBJECT_NAMES } from './load/subject.js';
import type { SubjectName } from './load/subject.js';

export interface LoadOptions {
  subjects: SubjectName[];
  /** Each is a case of its own. */
  data: DataSetName[];
  /** How often each subject is measured. */
  runs: number;
  /** Share of the full sets of data. */
  scale: number;
  /** Minutes after which a run is given up. */
  deadline: number;
  /** Default: the newest embedded PostgreSQL below the target's that pg_dump can read. */
  sourceMajor?: number;
  /** Default: the newest embedded PostgreSQL. */
  targetMajor?: number;
  /** Where the rows are written. */
  json?: string;
  /** Where the picture is written. */
  plot?: string;
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
    .option('--plot <file>', 'write a picture of them there, as SVG', parseOutputFile)
    .option('--data <names>', `of ${DATA_SET_NAMES.join(',')}`, parseNames('set of data', DATA_SET_NAMES), [
      'mixed' as const,
    ])
    .option('--runs <n>', 'how often each subject is measured, in turn', parseCount, 3)
    .option('--scale <factor>', 'share of the full sets of data', parseFactor, 1)
    .option('--subjects <names>', `of ${SUBJECT_NAMES.join(',')}`, parseNames('subject', SUBJECT_NAMES), [
      ...SUBJECT_NAMES,
    ])
    .option('--deadline <minutes>', 'a run that takes longer has failed', parseMinutes, 20)
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

/** As fractions too; a timer of Node's cannot be longer than some weeks. */
function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 1_440))
    throw new InvalidArgumentError('It must be a number above 0, up to 1440.');
  return minutes;
}

function parseNames<Name extends string>(what: string, names: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    [...new Set(text.split(','))].map((name) => {
      const known = names.find((candidate) => candidate === name);
      if (known !== undefined) return known;
      throw new InvalidArgumentError(`There is no ${what} "${name}": choose from ${names.join(', ')}.`);
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
