import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PeakMemory } from '../../bench/peak-memory.js';

const MEGABYTE = 1024 * 1024;

/** A child of the process that is counted takes 200 MB, gives them back by its end, and then the parent ends too. */
const PROGRAM = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'const b = Buffer.alloc(200 * 1024 * 1024, 1); setTimeout(() => b, 500)']);
  child.on('exit', () => setTimeout(() => undefined, 300));
`;

describe('the peak of memory', { skip: !existsSync('/proc/self/status') && 'there is no /proc' }, () => {
  it('is of a process and its children together, also when they have ended', async () => {
    const memory = new PeakMemory();
    const program = spawn(process.execPath, ['-e', PROGRAM]);
    memory.count(program.pid);
    memory.start();
    await once(program, 'exit');
    const peak = memory.stop() ?? 0;
    assert.ok(peak > 220 * MEGABYTE && peak < 600 * MEGABYTE, `${peak / MEGABYTE} MB`);
  });

  it('is not known when nothing was counted', () => {
    const memory = new PeakMemory();
    memory.start();
    assert.equal(memory.stop(), undefined);
  });

  it('does not count what is no longer to be counted', () => {
    const memory = new PeakMemory();
    memory.count(process.pid)();
    memory.start();
    assert.equal(memory.stop(), undefined);
  });
});
