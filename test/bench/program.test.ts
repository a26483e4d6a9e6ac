import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildProgram } from '../../bench/program.js';
import type { LoadOptions } from '../../bench/program.js';

describe('the arguments of the benchmark', () => {
  it('are the full set, three times, of every subject, when none is given', async () => {
    assert.deepEqual(await parse('load'), {
      runs: 3,
      scale: 1,
      subjects: [
        'dump-and-restore',
        'dump-and-restore-uncompressed',
        'native-subscription',
        'pgtrek-stream',
        'pgtrek-dump',
        'pgtrek-native',
      ],
    });
  });

  it('may choose', async () => {
    const file = join(tmpdir(), 'figures.json');
    const options = await parse(
      ...['load', '--json', file, '--runs', '1', '--scale', '0.05', '--source-major', '15'],
      ...['--subjects', 'pgtrek-stream,dump-and-restore,pgtrek-stream'],
    );
    assert.deepEqual(options, {
      json: file,
      runs: 1,
      scale: 0.05,
      sourceMajor: 15,
      subjects: ['pgtrek-stream', 'dump-and-restore'],
    });
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
      ['load', '--subjects', 'pgtrek-stream,pgcopydb'],
      /There is no subject "pgcopydb": choose from dump-and-restore/,
    ],
    [['load', '--source-major', 'x'], /It must be a whole number/],
    [['load', '--json', '/nowhere/figures.json'], /No file can be written in \/nowhere/],
    [['load', '--json', tmpdir()], /It is a folder/],
  ];
  for (const [args, told] of WRONG) {
    it(`are refused: ${args.join(' ')}`, async () => {
      await assert.rejects(parse(...args), told);
    });
  }
});

async function parse(...args: string[]): Promise<LoadOptions | undefined> {
  let parsed: LoadOptions | undefined;
  const load = async (options: LoadOptions) => {
    parsed = options;
    return 0;
  };
  const program = buildProgram({ load });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeErr: () => undefined });
  }
  await program.parseAsync(args, { from: 'user' });
  return parsed;
}
