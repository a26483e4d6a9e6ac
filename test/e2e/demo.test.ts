import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../../dev/wait-until.js';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

describe('the demo', () => {
  const running: ChildProcess[] = [];
  after(() => {
    for (const child of running) child.kill('SIGKILL');
  });
  const startDemo = (...options: string[]) => {
    const demo = new DemoProcess(...options);
    running.push(demo.child);
    return demo;
  };

  it('proves that the copy is exact, in under two minutes, and leaves nothing running', async () => {
    const demo = startDemo();
    const begun = performance.now();
    assert.equal(await demo.ended, 0, demo.output());
    const seconds = (performance.now() - begun) / 1_000;
    assert.match(demo.stdout, /✔ exact: the target equals the source as of the stop/);
    assert.match(demo.stdout, /dvdrental: completed/);
    assert.ok(seconds < 120, `it took ${seconds.toFixed(0)} s`);
    // Temporal, two clusters with their backends, and the worker.
    assert.ok(demo.descendants.size > 10, `${demo.descendants.size} processes were seen`);
    await assertNothingLeft(demo);
  });

  it('ends everything on Ctrl-C', async () => {
    const demo = startDemo('--json');
    const hasWorker = async () => [...demo.descendants.values()].some((line) => /main\.ts worker/.test(line));
    assert.ok(await waitUntil(hasWorker, { deadlineMs: 60_000 }), demo.output());
    demo.child.kill('SIGINT');
    assert.equal(await demo.ended, 130, demo.output());
    assert.equal(demo.stdout, '');
    await assertNothingLeft(demo);
  });
});

/** A demo that runs in a pipe, and every process that it started, by pid. */
class DemoProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly descendants = new Map<number, string>();
  stdout = '';
  #stderr = '';

  constructor(...options: string[]) {
    this.child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'demo', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    void this.#lookAtDescendants();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  output(): string {
    return `${this.stdout}\n${this.#stderr}`;
  }

  async #lookAtDescendants(): Promise<void> {
    while (this.child.exitCode === null && this.child.signalCode === null) {
      for (const [pid, line] of descendantsOf(this.pid)) this.descendants.set(pid, line);
      await sleep(200);
    }
  }
}

interface ProcessLine {
  pid: number;
  parent: number;
  line: string;
}

function readProcesses(): ProcessLine[] {
  const lines = execFileSync('ps', ['-ww', '-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((text) => {
    const [, pid, parent, line = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(text) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), line }];
  });
}

function descendantsOf(ancestor: number): Map<number, string> {
  const processes = readProcesses();
  const found = new Map<number, string>();
  let parents = new Set([ancestor]);
  while (parents.size > 0) {
    const children = processes.filter(({ parent, pid }) => parents.has(parent) && !found.has(pid));
    for (const { pid, line } of children) found.set(pid, line);
    parents = new Set(children.map(({ pid }) => pid));
  }
  return found;
}

/** No process that it started is there, and none of its folders. */
async function assertNothingLeft(demo: DemoProcess): Promise<void> {
  let left: string[] = [];
  await waitUntil(
    async () => {
      // A process id may be another program's by now.
      const processes = readProcesses().filter(({ pid, line }) => demo.descendants.get(pid) === line);
      left = [...processes.map(({ pid, line }) => `${pid} ${line}`), ...foldersOf(demo.pid)];
      return left.length === 0;
    },
    { deadlineMs: 5_000 },
  );
  assert.deepEqual(left, []);
}

/** dev/own-folder.ts names a folder after its owner. */
function foldersOf(pid: number): string[] {
  return readdirSync(tmpdir()).filter((name) => new RegExp(`^pgtrek-[a-z]+-${pid}-`).test(name));
}
