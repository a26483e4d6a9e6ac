/** Space on this worker's own disk: a dump must never fill it. */
import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PgtrekError } from '../contract/errors.js';

const GB = 1024 ** 3;

/** Two looks miss no more than a fast disk writes in a second. */
const LOOK_EVERY_MS = 1_000;

interface DiskSpace {
  /** Bytes that may be written until only the reserve is left. */
  usable: number;
  free: number;
  reserve: number;
}

/** Of the disk that holds a folder. The reserve is for everybody else: 5 %, and 1 GB where that is no more than 10 %. */
async function readDiskSpace(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const total = blocks * bsize;
  const reserve = Math.max(0.05 * total, Math.min(GB, 0.1 * total));
  return { usable: free - reserve, free, reserve };
}

/** Throws DISK_FULL unless about `needed` bytes fit. */
export async function requireSpace(folder: string, needed: number): Promise<void> {
  const space = await readDiskSpace(folder);
  if (space.usable >= needed) return;
  throw diskFull(folder, `It needs about ${tell(needed)}, and ${tellSpace(space)}.`);
}

/** Does the work under a signal that is aborted with DISK_FULL when the disk is full up to the reserve. */
export async function whileSpaceLasts<T>(
  folder: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const full = new AbortController();
  const done = new AbortController();
  const watch = watchSpace(folder, full, done.signal);
  try {
    return await work(signal ? AbortSignal.any([signal, full.signal]) : full.signal);
  } finally {
    done.abort();
    await watch;
  }
}

async function watchSpace(folder: string, full: AbortController, done: AbortSignal): Promise<void> {
  while (!done.aborted) {
    const space = await readDiskSpace(folder).catch(() => undefined);
    if (space && space.usable <= 0) {
      full.abort(diskFull(folder, `It was stopped, and its files are removed: ${tellSpace(space)}.`));
      return;
    }
    await delay(LOOK_EVERY_MS, undefined, { signal: done }).catch(() => undefined);
  }
}

export function diskFull(folder: string, why: string): PgtrekError {
  return new PgtrekError('DISK_FULL', `The disk of ${folder} is too small for the dump. ${why}`, {
    object: folder,
    remedy:
      'Free space on the worker’s disk, or let PGTREK_DATA_DIR name a folder on a bigger one and start the worker again; then retry. Or use load.method: stream, which needs no disk.',
  });
}

function tellSpace({ free, reserve }: DiskSpace): string {
  return `${tell(free)} are free, of which ${tell(reserve)} stay for others`;
}

function tell(bytes: number): string {
  if (bytes >= GB) return `${(bytes / GB).toFixed(1)} GB`;
  return `${Math.ceil(Math.max(bytes, 0) / 1024 ** 2)} MB`;
}
