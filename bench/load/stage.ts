/** What all cases share: two servers, the client tools, pgtrek as it is installed. */
import { rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Belongings } from '../../dev/belongings.js';
import { endWithProcess } from '../../dev/end-with-process.js';
import { makeOwnFolder, removeLeftFolders } from '../../dev/own-folder.js';
import type { ClientTools } from '../../postgres/client-tools.js';
import type { Progress } from '../progress.js';
import { buildPackage } from './build-package.js';
import { startServers } from './servers.js';
import type { Majors, Servers } from './servers.js';

export interface Stage {
  servers: Servers;
  tools: ClientTools;
  /** Names and versions of other tools that are measured. */
  peers: string[];
  /** Of this process: everything on disk is below it. */
  folder: string;
  /** cli/main.js of the installed pgtrek; undefined where no subject needs it. */
  pgtrek: string | undefined;
}

export interface StageOptions {
  majors: Majors;
  tools: ClientTools;
  peers: string[];
  /** Whether a subject runs pgtrek. */
  needsPgtrek: boolean;
  belongings: Belongings;
  progress: Progress;
  signal: AbortSignal;
  /** Of the servers, beside those that every suite has. */
  settings?: Record<string, string>;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { majors, tools, peers, needsPgtrek, belongings, progress, signal, settings } = options;
  const folder = await openFolder(belongings);
  const installed = join(folder, 'pgtrek');
  await mkdir(installed);
  const pgtrek = needsPgtrek
    ? await progress.step('building pgtrek', () => belongings.await(() => buildPackage(installed, signal)))
    : undefined;
  const servers = await progress.step(
    `starting PostgreSQL ${majors.source} (source) and ${majors.target} (target)`,
    () => startServers(belongings, { majors, settings }),
  );
  return { servers, tools, peers, folder, pgtrek };
}

async function openFolder(belongings: Belongings): Promise<string> {
  await removeLeftFolders('bench', async () => undefined);
  const folder = await makeOwnFolder('bench', 'load');
  const forget = endWithProcess(() => rmSync(folder, { recursive: true, force: true }));
  return belongings.open(
    async () => folder,
    async () => {
      await rm(folder, { recursive: true, force: true });
      forget();
    },
  );
}
