import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Row } from '../../../bench/rows.js';
import { waitUntil } from '../../../dev/wait-until.js';

const MAIN = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));
const TINY = ['load', '--scale', '0.002', '--runs', '1'];

describe('the load benchmark', () => {
  const running: ChildProcess[] = [];
  let folder: string;
  let file: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgtrek-test-bench-'));
    file = join(folder, 'figures.json');
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const startBench = (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const bench = new BenchProcess(args, env);
    running.push(bench.child);
    return bench;
  };

  it('measures what it is asked for, and says what it cannot', async () => {
    const subjects = 'dump-and-restore,pgtrek-native,pgcopydb';
    const plot = join(folder, 'figures.svg');
    const bench = startBench([...TINY, '--json', file, '--plot', plot, '--subjects', subjects], {
      PGCOPYDB: '/nowhere/pgcopydb',
    });
    assert.equal(await bench.ended, 0, bench.output());
    const rows = JSON.parse(await readFile(file, 'utf8')) as Row[];
    assert.ok(rows.every(({ suite, case: name }) => suite === 'load' && name === 'mixed at scale 0.002'));
    for (const subject of ['dump-and-restore', 'pgtrek-native']) {
      const figure = (metric: string) =>
        rows.find((row) => row.subject === subject && row.metric === metric)?.value ?? NaN;
      assert.ok(figure('time') > 0 && figure('time') < 60, bench.output());
      assert.ok(figure('time-min') <= figure('time') && figure('time') <= figure('time-max'));
      assert.ok(figure('time-ratio') > 0, bench.output());
      if (existsSync('/proc/self/status')) assert.ok(figure('peak-memory') > 1024 * 1024, bench.output());
      assert.match(bench.stdout, new RegExp(`^${subject} +\\d+\\.\\d +\\d+\\.\\d\\d `, 'm'));
    }
    assert.match(bench.stdout, /^settings {2}wal_level logical, shared_buffers/m);
    assert.match(bench.stderr, /run 1 of 1: pgtrek-native: \d/);
    const events = rows.find((row) => row.subject === 'pgtrek-native' && row.metric === 'history-events');
    assert.ok((events?.value ?? 0) > 20, bench.output());
    assert.match(
      bench.stdout,
      /^pgcopydb +not run: PGCOPYDB names \/nowhere\/pgcopydb, which cannot be run/m,
    );
    assert.ok(!rows.some((row) => row.subject === 'pgcopydb'));
    assert.match(bench.stdout, /^targets .*not measured at another --scale/m);
    assert.match(await readFile(plot, 'utf8'), /<svg .*>not run<\/text>.*>pgtrek-native<\/text>.*<\/svg>/s);
    assert.deepEqual(bench.folders(), []);
  });

  it('measures each set of data as a case of its own, and gives up a peer that hangs', async () => {
    const hanging = join(folder, 'pgcopydb');
    await writeFile(hanging, '#!/bin/sh\nsleep 600\n', { mode: 0o755 });
    const bench = startBench(
      [
        'load',
        ...['--scale', '0.002', '--runs', '1', '--data', 'single,many'],
        ...['--deadline', '0.25', '--json', file, '--subjects', 'floor,pgcopydb-split'],
      ],
      { PGCOPYDB: hanging },
    );
    assert.equal(await bench.ended, 1, bench.output());
    const rows = JSON.parse(await readFile(file, 'utf8')) as Row[];
    const measured = rows
      .filter(({ metric }) => metric === 'time')
      .map(({ case: name, subject }) => `${name}: ${subject}`);
    assert.deepEqual(measured, ['single at scale 0.002: floor', 'many at scale 0.002: floor']);
    assert.match(bench.stdout, /^pgcopydb-split +not run: it is for --data single/m);
    assert.match(bench.stdout, /^pgcopydb-split +failed: it did not end within 15.0 s/m);
    assert.deepEqual(bench.folders(), []);
  });

  it('ends everything on Ctrl-C', async () => {
    const bench = startBench([...TINY, '--subjects', 'pgtrek-stream']);
    assert.ok(await waitUntil(() => bench.hasWorker(), { deadlineMs: 120_000 }), bench.output());
    // Somewhere in the middle of the migration; wherever it is, all must be ended.
    await sleep(700);
    bench.child.kill('SIGINT');
    assert.equal(await bench.ended, 130, bench.output());
    assert.deepEqual(bench.folders(), []);
  });

  it('tells that nothing can run without pg_dump', async () => {
    const bench = startBench([...TINY, '--json', file], { PGTREK_PG_BIN: '/nowhere' });
    assert.equal(await bench.ended, 1, bench.output());
    assert.match(bench.stdout, /^dump-and-restore +not run: pg_dump and pg_restore were not found/m);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), []);
  });

  it('says which subjects are for other data', async () => {
    const bench = startBench([...TINY, '--subjects', 'pgcopydb-split']);
    assert.equal(await bench.ended, 1, bench.output());
    assert.match(bench.stdout, /^pgcopydb-split +not run: it is for --data single/m);
  });

  it('exits with 64 on wrong arguments', async () => {
    const bench = startBench([...TINY, '--source-major', '9']);
    assert.equal(await bench.ended, 64, bench.output());
    assert.match(bench.stderr, /PostgreSQL 9 is not among the embedded servers here/);
    assert.equal(bench.stdout, '');
  });
});

class BenchProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  output(): string {
    return `${this.stdout}\n${this.stderr}`;
  }

  async hasWorker(): Promise<boolean> {
    const folder = this.folders().find((name) => name.startsWith('pgtrek-worker-'));
    if (folder === undefined) return false;
    return (await readFile(join(tmpdir(), folder, 'worker.log'), 'utf8').catch(() => '')).includes(
      'is ready',
    );
  }

  /** dev/own-folder.ts names a folder after its owner. */
  folders(): string[] {
    return readdirSync(tmpdir()).filter((name) => new RegExp(`^pgtrek-[a-z]+-${this.child.pid}-`).test(name));
  }
}
