/** What the hooks of a cutover work on: a job between two addresses, and a folder with the programs that are allowed. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHooks } from '../../activities/cutover-hooks.js';
import type { Hooks } from '../../activities/cutover-hooks.js';
import type { HookMoment, HookResult } from '../../contract/cutover.js';
import { parseSpec } from '../../contract/spec.js';
import type { Spec, SpecInput } from '../../contract/spec.js';
import type { Job } from '../../postgres/job.js';
import { resolveSecret } from '../../workers/secrets.js';

type Address = Pick<Spec['target'], 'host' | 'port' | 'database'>;

export interface HookScene {
  folder: string;
  hooksDir: string;
  /** Puts a shell script into the folder of hooks. */
  program: (name: string, text: string) => Promise<void>;
  remove: () => Promise<void>;
}

export async function openHookScene(): Promise<HookScene> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
  const hooksDir = path.join(folder, 'hooks');
  await mkdir(hooksDir);
  return {
    folder,
    hooksDir,
    async program(name, text) {
      await writeFile(path.join(hooksDir, name), `#!/bin/sh\n${text}\n`);
      await chmod(path.join(hooksDir, name), 0o755);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export type HookList = NonNullable<NonNullable<SpecInput['cutover']>['hooks']>;

export interface CutoverWith {
  hooks: HookList;
  hooksDir: string;
  /** Default: addresses where nothing is. */
  from?: Address;
  to?: Address;
}

const FROM = { host: 'old.internal', port: 5432, database: 'shop' };
const TO = { host: 'new.internal', port: 5433, database: 'shop' };

/** One attempt of a cutover: another one of the same knows nothing of what this one has called. */
export function startAttempt(
  { hooks, hooksDir, from = FROM, to = TO }: CutoverWith,
  facts: { marker?: string; direction?: 'forward' | 'back' } = {},
): (moment: HookMoment, signal?: AbortSignal) => Promise<HookResult[]> {
  const spec = specWith(hooks, { from, to });
  const end = (name: 'source' | 'target') => ({
    ...spec[name],
    end: name,
    password: 'the database’s secretWord08',
  });
  const job: Job = {
    name: 'moved',
    owner: 'owner-1',
    spec,
    servers: {
      source: end('source'),
      target: end('target'),
      replication: end('source'),
      observer: undefined,
    },
    dataDir: hooksDir,
  };
  const call: Hooks = createHooks({ resolveSecret, dataDir: hooksDir, hostQueue: 'host', hooksDir }, job, {
    marker: facts.marker ?? 'owner-1:cutover-1',
    direction: facts.direction ?? 'forward',
  });
  return (moment, signal = new AbortController().signal) => call(moment, signal);
}

export function specWith(
  hooks: HookList,
  { from = FROM, to = TO }: { from?: Address; to?: Address } = {},
): Spec {
  return parseSpec({
    name: 'moved',
    source: { ...addressOf(from), user: 'mover' },
    target: { ...addressOf(to), user: 'mover' },
    cutover: { hooks },
  });
}

function addressOf({ host, port, database }: Address): Address {
  return { host, port, database };
}
