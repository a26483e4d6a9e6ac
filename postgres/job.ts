/** What every piece of work on a migration's databases gets: names, servers, and how it is ended and watched. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Spec } from '../contract/spec.js';
import type { Servers } from './endpoint.js';
import { purposeOf } from './purpose.js';
import { withSession } from './session.js';
import type { Session, SessionOptions } from './session.js';

export interface Job {
  name: string;
  owner: string;
  spec: Spec;
  servers: Servers;
  signal?: AbortSignal | undefined;
  /** Folder for dump files on this worker. */
  dataDir: string;
}

/** The migration's own folder on this worker's disk; removed at the end, with whatever a killed worker left in it. */
export function workFolder(job: Job): string {
  return path.join(job.dataDir, `${job.name}-${job.owner}`);
}

/** A fresh folder in there for the work, removed whatever happens. */
export async function withFolder<T>(job: Job, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(workFolder(job), { recursive: true });
  const folder = await mkdtemp(path.join(workFolder(job), 'step-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function sessionOptions(job: Job, step: string): SessionOptions {
  return {
    purpose: purposeOf(job.name, job.owner, step),
    signal: job.signal,
    observer: job.servers.observer,
  };
}

export function withSource<T>(job: Job, step: string, work: (source: Session) => Promise<T>): Promise<T> {
  return withSession(job.servers.source, sessionOptions(job, step), work);
}

export function withTarget<T>(job: Job, step: string, work: (target: Session) => Promise<T>): Promise<T> {
  return withSession(job.servers.target, sessionOptions(job, step), work);
}

export function withEnds<T>(
  job: Job,
  step: string,
  work: (source: Session, target: Session) => Promise<T>,
): Promise<T> {
  return withSource(job, step, (source) => withTarget(job, step, (target) => work(source, target)));
}
