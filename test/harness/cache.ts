/** What all tests of a run need alike, made once: the folder of test/run.mjs. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { madeOnce } from '../../dev/made-once.js';
import { buildBundle } from '../../workers/workflow-bundle.js';

const WORKER = fileURLToPath(new URL('./worker-main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

let folder = process.env.PGTREK_TEST_CACHE;

function cacheFolder(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(path.join(tmpdir(), `pgtrek-run-${String(process.pid)}-`));
  symlinkSync(PACKAGES, path.join(made, 'node_modules'));
  process.once('exit', () => {
    rmSync(made, { recursive: true, force: true });
  });
  folder = made;
  return made;
}

/** Long enough on a busy machine, and no outage is to be ridden out. */
const IMPATIENT: Record<string, string> = { '10s': '6s', '20s': '8s', '60s': '20s' };

/** The path of the workflows' code. Impatient: the same, but the death of an attempt is seen sooner. */
export async function workflowCode({ impatient = false } = {}): Promise<string> {
  const file = path.join(cacheFolder(), impatient ? 'impatient.bundle.js' : 'workflows.bundle.js');
  await madeOnce(file, async (draft) => {
    const { code } = await buildBundle();
    await writeFile(draft, impatient ? withoutPatience(code) : code);
  });
  return file;
}

function withoutPatience(code: string): string {
  return code.replaceAll(/(?<=heartbeatTimeout: ')\d+s(?=')/g, (span) => {
    const shorter = IMPATIENT[span];
    if (shorter === undefined)
      throw new Error(`a heartbeat timeout of ${span} is new: say how short it may be`);
    return shorter;
  });
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

/** What the package ships, as tsconfig.build.json lists it. */
const SHIPPED = ['activities', 'cli', 'client', 'contract', 'dev', 'postgres', 'workers', 'workflows'];

/** The path of the command as it is shipped, transpiled file by file: with tsx each start costs a second of CPU more. */
export async function commandCode(): Promise<string> {
  const made = path.join(cacheFolder(), 'command');
  await madeOnce(made, async (draft) => {
    const outdir = path.join(draft, 'dist');
    await mkdir(outdir, { recursive: true });
    await copyFile(path.join(ROOT, 'package.json'), path.join(draft, 'package.json'));
    await cp(path.join(ROOT, 'dev/setup'), path.join(outdir, 'dev/setup'), { recursive: true });
    await copyFile(await workflowCode(), path.join(outdir, 'workflows.bundle.js'));
    await build({
      entryPoints: (await Promise.all(SHIPPED.map(sourcesIn))).flat(),
      outdir,
      outbase: ROOT,
      platform: 'node',
      format: 'esm',
      sourcemap: 'inline',
      logLevel: 'error',
    });
  });
  return path.join(made, 'dist/cli/main.js');
}

async function sourcesIn(folder: string): Promise<string[]> {
  const files = await readdir(path.join(ROOT, folder), { recursive: true });
  return files.filter((file) => file.endsWith('.ts')).map((file) => path.join(ROOT, folder, file));
}
