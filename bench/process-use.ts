/** What one process has used. Linux tells it; others do not. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Of user and system, its ended children with it. */
export function cpuSecondsOf(pid: number): number | undefined {
  // The second field is a name in brackets, which may have spaces.
  const fields = readText(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');
  // utime, stime, cutime and cstime are fields 14 to 17; the third is now the first.
  const ticks = fields?.slice(11, 15).map(Number);
  return ticks && ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond();
}

/** `before`: what cpuSecondsOf has told. */
export function cpuSecondsSince(pid: number, before: number | undefined): number | undefined {
  const now = cpuSecondsOf(pid);
  return now === undefined || before === undefined ? undefined : now - before;
}

/** The most that was resident at any time since its start (VmHWM), pages that it shares with others included. */
export function peakResidentBytesOf(pid: number): number | undefined {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`) ?? '') ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

let ticks: number | undefined;

function ticksPerSecond(): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ticks;
}

/** Undefined where the process has ended, or there is no /proc. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
