import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildProgram } from '../../bench/program.js';

describe('the arguments of the benchmark', () => {
  it('are the full set, three times, of every subject, when none is given', async () => {
    assert.deepEqual(await parse('load'), {
      data: ['mixed'],
      deadline: 20,
      runs: 3,
      scale: 1,
      subjects: [
        'floor',
        'dump-and-restore',
        'dump-and-restore-uncompressed',
        'native-subscription',
        'native-subscription-indexes-after',
        'pgcopydb',
        'pgcopydb-split',
        'pgtrek-engine',
        'pgtrek-stream',
        'pgtrek-dump',
        'pgtrek-native',
      ],
    });
  });

  it('may choose', async () => {
    const file = join(tmpdir(), 'figures.json');
    const options = await parse(
      ...['load', '--data', 'many,single', '--deadline', '0.5', '--plot', file],
      ...['--json', file, '--runs', '1', '--scale', '0.05', '--source-major', '15'],
      ...['--subjects', 'pgtrek-stream,dump-and-restore,pgtrek-stream'],
    );
    assert.deepEqual(options, {
      data: ['many', 'single'],
      deadline: 0.5,
      json: file,
      plot: file,
      runs: 1,
      scale: 0.05,
      sourceMajor: 15,
      subjects: ['pgtrek-stream', 'dump-and-restore'],
    });
  });

  it('are ten stops under four sessions, and the whole backlog three times', async () => {
    assert.deepEqual(await parse('stop'), { lanes: 1, rate: 500, runs: 10, sessions: 4 });
    assert.deepEqual(await parse('apply'), {
      deadline: 2,
      runs: 3,
      scale: 10,
      subjects: ['native', 'native-binary', 'pgtrek', 'pgtrek-2-lanes', 'pgcopydb'],
      transactions: 160_000,
    });
  });

  it('are twenty times 100,000 accounts, three times in every way, to compare', async () => {
    assert.deepEqual(await parse('verify'), {
      runs: 3,
      scale: 20,
      subjects: ['sums-by-hand', 'pgtrek', 'pgtrek-online'],
    });
  });

  it('are three looks at 10,000 tables, with an empty target and with a full one', async () => {
    assert.deepEqual(await parse('validate'), {
      runs: 3,
      subjects: ['onto-nothing', 'onto-tables'],
      tables: 10_000,
    });
  });

  it('are ten cutovers and rollbacks of every case', async () => {
    assert.deepEqual(await parse('cutover'), {
      cases: ['pgbench', 'tables', 'pgbouncer'],
      rate: 2_000,
      runs: 10,
      scale: 1,
    });
    assert.deepEqual(
      await parse(...['cutover', '--cases', 'tables', '--runs', '2', '--scale', '0.14', '--rate', '500']),
      { cases: ['tables'], rate: 500, runs: 2, scale: 0.14 },
    );
  });

  it('may choose how much is written, and by how many', async () => {
    assert.deepEqual(
      await parse(...['stop', '--lanes', '2', '--rate', '0', '--runs', '3', '--sessions', '8']),
      { lanes: 2, rate: 0, runs: 3, sessions: 8 },
    );
    assert.deepEqual(
      await parse(
        ...['apply', '--runs', '1', '--scale', '1', '--transactions', '400', '--subjects', 'pgtrek'],
      ),
      { deadline: 2, runs: 1, scale: 1, subjects: ['pgtrek'], transactions: 400 },
    );
  });

  const WRONG: [string[], RegExp][] = [
    [['lode'], /unknown command 'lode'/],
    [['load', '--run', '3'], /unknown option '--run'/],
    [['load', '--runs', '0'], /It must be a whole number above 0/],
    [['load', '--runs', '1.5'], /It must be a whole number above 0/],
    [['load', '--scale', '0'], /It must be a number above 0/],
    [['load', '--scale', '11'], /up to 10/],
    [['load', '--scale', 'big'], /It must be a number above 0/],
    [
      ['load', '--subjects', 'pgtrek-stream,pgloader'],
      /There is no subject "pgloader": choose from floor, dump-and-restore/,
    ],
    [['load', '--data', 'large'], /There is no set of data "large": choose from mixed, single, many/],
    [['load', '--deadline', '0'], /It must be a number above 0/],
    [['load', '--plot', '/nowhere/figures.svg'], /No file can be written in \/nowhere/],
    [['load', '--source-major', 'x'], /It must be a whole number/],
    [['load', '--json', '/nowhere/figures.json'], /No file can be written in \/nowhere/],
    [['load', '--json', tmpdir()], /It is a folder/],
    [['stop', '--sessions', '0'], /It must be a whole number above 0/],
    [['stop', '--rate', '-1'], /It must be a whole number above 0/],
    [['apply', '--subjects', 'floor'], /choose from native, native-binary, pgtrek, pgtrek-2-lanes, pgcopydb/],
  ];
  for (const [args, told] of WRONG) {
    it(`are refused: ${args.join(' ')}`, async () => {
      await assert.rejects(parse(...args), told);
    });
  }
});

/** What the suite is called with. */
async function parse(...args: string[]): Promise<unknown> {
  let parsed: unknown;
  const run = async (options: unknown) => {
    parsed = options;
    return 0;
  };
  const program = buildProgram({
    load: run,
    stop: run,
    apply: run,
    verify: run,
    cutover: run,
    validate: run,
  });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeErr: () => undefined });
  }
  await program.parseAsync(args, { from: 'user' });
  return parsed;
}
