import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { cpuSecondsOf, peakResidentBytesOf } from '../../bench/process-use.js';

const MEGABYTE = 1024 * 1024;

/** Takes 200 MB, gives them back, and works for half a second. */
const PROGRAM = `
  let b = Buffer.alloc(200 * 1024 * 1024, 1);
  b = undefined;
  const begun = Date.now();
  while (Date.now() - begun < 500);
  process.stdout.write('done');
  setInterval(() => undefined, 1_000);
`;

describe('what a process has used', { skip: !existsSync('/proc/self/stat') && 'there is no /proc' }, () => {
  it('is its time and its highest memory', async () => {
    const program = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(program.stdout, 'data');
    const pid = program.pid ?? 0;
    const seconds = cpuSecondsOf(pid) ?? 0;
    assert.ok(seconds > 0.1 && seconds < 5, `${seconds} s`);
    const peak = peakResidentBytesOf(pid) ?? 0;
    assert.ok(peak > 200 * MEGABYTE && peak < 500 * MEGABYTE, `${peak / MEGABYTE} MB`);
    program.kill('SIGKILL');
    await once(program, 'exit');
  });

  it('is not known once it has ended', async () => {
    const program = spawn(process.execPath, ['-e', '']);
    await once(program, 'exit');
    assert.equal(cpuSecondsOf(program.pid ?? 0), undefined);
    assert.equal(peakResidentBytesOf(program.pid ?? 0), undefined);
  });
});
