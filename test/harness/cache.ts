/** What all tests of a run need alike, made once: the folder of test/run.mjs. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { madeOnce } from '../../dev/made-once.js';
import { buildBundle } from '../../workers/workflow-bundle.js';

const WORKER = fileURLToPath(new URL('./worker-main.ts', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

let folder = process.env.PGTREK_TEST_CACHE;

function cacheFolder(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(path.join(tmpdir(), 'pgtrek-run-'));
  symlinkSync(PACKAGES, path.join(made, 'node_modules'));
  process.once('exit', () => {
    rmSync(made, { recursive: true, force: true });
  });
  folder = made;
  return made;
}

/** The path of the workflows' code. */
export async function workflowCode(): Promise<string> {
  const file = path.join(cacheFolder(), 'workflows.bundle.js');
  await madeOnce(file, async (draft) => writeFile(draft, (await buildBundle()).code));
  return file;
}

/** The path of the worker that tests start, as one file: with tsx each start costs a second of CPU more. */
export async function workerCode(): Promise<string> {
  const file = path.join(cacheFolder(), 'worker-main.mjs');
  await madeOnce(file, async (outfile) => {
    await build({
      entryPoints: [WORKER],
      outfile,
      bundle: true,
      // They are found through a link beside it.
      packages: 'external',
      platform: 'node',
      format: 'esm',
      sourcemap: 'inline',
      logLevel: 'error',
    });
  });
  return file;
}
