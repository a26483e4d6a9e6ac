/** The arguments of `npm run bench -- …`. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { APPLY_SUBJECT_NAMES } from './apply/subject.js';
import type { ApplySubjectName } from './apply/subject.js';
import { CUTOVER_CASE_NAMES } from './cutover/case.js';
import type { CutoverCaseName } from './cutover/case.js';
import { DATA_SET_NAMES } from './load/data-set.js';
import type { DataSetName } from './load/data-set.js';
import { SUBJECT_NAMES } from './load/subject.js';
import type { SubjectName } from './load/subject.js';
import { VALIDATE_SUBJECT_NAMES } from './validate/subject.js';
import type { ValidateSubjectName } from './validate/subject.js';
import { VERIFY_SUBJECT_NAMES } from './verify/subject.js';
import type { VerifySubjectName } from './verify/subject.js';

/** Of every suite. */
interface SuiteOptions {
  /** How often each subject is measured. */
  runs: number;
  /** Default: the newest embedded PostgreSQL below the target's that pg_dump can read. */
  sourceMajor?: number;
  /** Default: the newest embedded PostgreSQL. */
  targetMajor?: number;
  /** Where the rows are written. */
  json?: string;
}

export interface LoadOptions extends SuiteOptions {
  subjects: SubjectName[];
  /** Each is a case of its own. */
  data: DataSetName[];
  /** Share of the full sets of data. */
  scale: number;
  /** Minutes after which a run is given up. */
  deadline: number;
  /** Where the picture is written. */
  plot?: string;
}

export interface StopOptions extends SuiteOptions {
  /** Of the writer. */
  sessions: number;
  /** Transactions a second that the writer begins at most; 0: as many as the source takes. */
  rate: number;
  /** cdc.lanes. */
  lanes: number;
}

export interface ApplyOptions extends SuiteOptions {
  subjects: ApplySubjectName[];
  /** Of the backlog. */
  transactions: number;
  /** pgbench's: 100,000 accounts each. */
  scale: number;
  /** Minutes after which a run is given up. */
  deadline: number;
}

export interface VerifyOptions extends SuiteOptions {
  subjects: VerifySubjectName[];
  /** pgbench's: 100,000 accounts each. */
  scale: number;
}

export interface CutoverOptions extends SuiteOptions {
  cases: CutoverCaseName[];
  /** Share of 1.5 GB. */
  scale: number;
  /** Transactions a second of the case `tables`. */
  rate: number;
}

export interface ValidateOptions extends SuiteOptions {
  subjects: ValidateSubjectName[];
  tables: number;
}

/** Each returns the exit code. */
export interface Suites {
  load: (options: LoadOptions) => Promise<number>;
  stop: (options: StopOptions) => Promise<number>;
  apply: (options: ApplyOptions) => Promise<number>;
  verify: (options: VerifyOptions) => Promise<number>;
  cutover: (options: CutoverOptions) => Promise<number>;
  validate: (options: ValidateOptions) => Promise<number>;
}

export function buildProgram(suites: Suites): Command {
  const program = new Command('bench')
    .description(
      'Measures pgtrek against what PostgreSQL itself offers, on throw-away servers of this machine.',
    )
    .showHelpAfterError('(npm run bench -- load --help shows what can be written)')
    .exitOverride();
  addSuite(program, 'load', suites.load)
    .description('The time until a whole database is on another server: schema, rows, indexes, statistics.')
    .option('--plot <file>', 'write a picture of them there, as SVG', parseOutputFile)
    .option('--data <names>', `of ${DATA_SET_NAMES.join(',')}`, parseNames('set of data', DATA_SET_NAMES), [
      'mixed' as const,
    ])
    .option('--runs <n>', 'how often each subject is measured, in turn', parseCount, 3)
    .option('--scale <factor>', 'share of the full sets of data', parseFactor, 1)
    .option('--subjects <names>', `of ${SUBJECT_NAMES.join(',')}`, parseNames('subject', SUBJECT_NAMES), [
      ...SUBJECT_NAMES,
    ])
    .option('--deadline <minutes>', 'a run that takes longer has failed', parseMinutes, 20);
  addSuite(program, 'stop', suites.stop)
    .description('How exactly lanes stop at a planned time of the source, while it is written to.')
    .option('--runs <n>', 'how often the lanes are stopped, and resumed', parseCount, 10)
    .option('--sessions <n>', 'that write to the source at the same time', parseCount, 4)
    .option('--rate <n>', 'transactions a second, over all of them; 0: as many as can be', parseRate, 500)
    .option('--lanes <n>', 'cdc.lanes of the migration', parseCount, 1);
  addSuite(program, 'apply', suites.apply)
    .description('The time until a backlog of transactions of pgbench is on the target.')
    .option('--runs <n>', 'how often each subject is measured, in turn', parseCount, 3)
    .option('--transactions <n>', 'of the backlog', parseCount, 160_000)
    .option('--scale <n>', 'of pgbench: 100,000 accounts each', parseCount, 10)
    .option(
      '--subjects <names>',
      `of ${APPLY_SUBJECT_NAMES.join(',')}`,
      parseNames('subject', APPLY_SUBJECT_NAMES),
      [...APPLY_SUBJECT_NAMES],
    )
    .option('--deadline <minutes>', 'a run that takes longer has failed', parseMinutes, 2);
  addSuite(program, 'verify', suites.verify)
    .description('The time until two equal databases of pgbench are known to be equal.')
    .option('--runs <n>', 'how often each subject is measured, in turn', parseCount, 3)
    .option('--scale <n>', 'of pgbench: 100,000 accounts each', parseCount, 20)
    .option(
      '--subjects <names>',
      `of ${VERIFY_SUBJECT_NAMES.join(',')}`,
      parseNames('subject', VERIFY_SUBJECT_NAMES),
      [...VERIFY_SUBJECT_NAMES],
    );
  addSuite(program, 'cutover', suites.cutover)
    .description('How long writers wait while the target becomes the primary, and back.')
    .option('--cases <names>', `of ${CUTOVER_CASE_NAMES.join(',')}`, parseNames('case', CUTOVER_CASE_NAMES), [
      ...CUTOVER_CASE_NAMES,
    ])
    .option('--runs <n>', 'cutovers of each case, and as many rollbacks', parseCount, 10)
    .option('--scale <factor>', 'share of 1.5 GB', parseFactor, 1)
    .option('--rate <n>', 'transactions a second of the case tables', parseRate, 2_000);
  addSuite(program, 'validate', suites.validate)
    .description('How long validate looks at databases of many tables, and what memory it takes.')
    .option('--runs <n>', 'how often each subject is measured, in turn', parseCount, 3)
    .option('--tables <n>', 'on each server', parseCount, 10_000)
    .option(
      '--subjects <names>',
      `of ${VALIDATE_SUBJECT_NAMES.join(',')}`,
      parseNames('subject', VALIDATE_SUBJECT_NAMES),
      [...VALIDATE_SUBJECT_NAMES],
    );
  return program;
}

/** With the options that all have. */
function addSuite<Options>(
  program: Command,
  name: string,
  run: (options: Options) => Promise<number>,
): Command {
  return program
    .command(name)
    .option('--json <file>', 'write the figures there, as rows', parseOutputFile)
    .option(
      '--source-major <n>',
      'default: the newest that pg_dump here can read, below the target',
      parseCount,
    )
    .option('--target-major <n>', 'default: the newest that is installed', parseCount)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return count;
}

function parseRate(text: string): number {
  return text === '0' ? 0 : parseCount(text);
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
