/** pgtrek as it is installed: compiled, with its workflows in one bundle. What `npm run build` does, in a folder of ours, without checking types. */
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { madeOnce } from '../../dev/made-once.js';
import { buildBundle } from '../../workers/workflow-bundle.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * With the program of pgtrek-engine beside it. Returns cli/main.js, to be run by Node. Tests, which come here several times, keep it in
 * the folder that PGTREK_BENCH_PACKAGE names.
 */
export async function buildPackage(folder: string, signal: AbortSignal): Promise<string> {
  const kept = process.env.PGTREK_BENCH_PACKAGE;
  if (kept === undefined) await build(folder, signal);
  else await madeOnce(kept, (draft) => build(draft, signal));
  return join(kept ?? folder, 'dist', 'cli', 'main.js');
}

async function build(folder: string, signal: AbortSignal): Promise<void> {
  const dist = join(folder, 'dist');
  await mkdir(dist, { recursive: true });
  const require = createRequire(import.meta.url);
  const tsc = require.resolve('typescript/bin/tsc');
  await execa(process.execPath, [tsc, '-p', 'bench/tsconfig.build.json', '--noCheck', '--outDir', dist], {
    cwd: ROOT,
    cancelSignal: signal,
  });
  await writeFile(join(dist, 'workflows.bundle.js'), (await buildBundle()).code);
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  // Of this folder or one above it, as a clone's may be.
  const modules = dirname(dirname(dirname(dirname(tsc))));
  await symlink(join(modules, 'node_modules'), join(folder, 'node_modules'));
}

/** The program of pgtrek-engine; `main`: what buildPackage has returned. */
export function engineBeside(main: string): string {
  return join(dirname(dirname(main)), 'bench', 'load', 'engine-main.js');
}
