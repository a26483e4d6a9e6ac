import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 100;

/** How much memory processes have at most, all together with their children. Linux tells it; others do not. */
export class PeakMemory {
  readonly #roots = new Set<number>();
  #timer: NodeJS.Timeout | undefined;
  #peak = 0;

  /** Counts this process and its descendants, until the function that is returned is called. */
  count(pid: number | undefined): () => void {
    if (pid === undefined) return () => undefined;
    this.#roots.add(pid);
    return () => this.#roots.delete(pid);
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** The highest sum of resident memory that was seen, in bytes; undefined where nothing was. */
  stop(): number | undefined {
    clearInterval(this.#timer);
    this.#timer = undefined;
    return this.#peak === 0 ? undefined : this.#peak;
  }

  #look(): void {
    let sum = 0;
    for (const pid of [...this.#roots].flatMap(withDescendants)) sum += residentBytes(pid);
    this.#peak = Math.max(this.#peak, sum);
  }
}

/** Node and pg_dump start children from their first thread only. */
function withDescendants(pid: number): number[] {
  const children = readText(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(withDescendants))];
}

/** Memory that forked processes share counts in each of them. */
function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes ?? 0) * 1024;
}

/** Empty where the process has ended, or there is no /proc. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
