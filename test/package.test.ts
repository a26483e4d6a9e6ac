import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CLIENTS } from './fixtures/clients/prepare.js';
import { assertEqualDatabases } from './harness/equal.js';
import { assertNothingLeft } from './harness/leaks.js';
import { specFor } from './harness/spec.js';
import { createDatabases, openWorld } from './harness/world.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOT_PACKED = ['.git', 'node_modules', 'dist', 'test'];
const DEADLINE_MS = 5 * 60_000;

const execute = promisify(execFile);

describe('the packed package, installed into an empty project', () => {
  let folder: string;
  let project: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-package-'));
    project = path.join(folder, 'project');
    const tarball = await pack(path.join(folder, 'checkout'));
    await cp(path.join(CLIENTS, 'node'), project, { recursive: true });
    await install(tarball);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const inProject = (command: string, args: string[], env: Record<string, string> = {}) =>
    execute(command, args, { cwd: project, timeout: DEADLINE_MS, env: { ...process.env, ...env } });

  const install = async (tarball: string) => {
    await writeFile(path.join(project, 'package.json'), '{ "private": true, "type": "module" }');
    // The embedded servers are for our tests and the demo; npm has its own cache.
    await inProject('npm', [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--omit=optional',
      tarball,
    ]);
  };

  it('is typed for a strict service, and the service moves a database with a worker of its own', async () => {
    const typescript = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const types = ['--types', 'node', '--typeRoots', path.join(ROOT, 'node_modules', '@types')];
    // Temporal's own types do not pass a check of libraries.
    const strict = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2022',
    ];
    await inProject(process.execPath, [typescript, ...strict, ...types, 'main.mts', 'service.mts']);

    const world = await openWorld();
    try {
      const databases = await createDatabases(world, 'service');
      const spec = path.join(world.folder, 'spec.json');
      await writeFile(spec, JSON.stringify(specFor('service', databases)));
      const { stdout } = await inProject(process.execPath, ['main.mjs', spec], {
        TEMPORAL_ADDRESS: world.temporal.address,
        PGTREK_DATA_DIR: path.join(world.folder, 'data'),
        PGTREK_SHUTDOWN_GRACE: '1',
        SOURCE_PASSWORD: world.source.password,
        TARGET_PASSWORD: world.target.password,
      });
      assert.equal((JSON.parse(stdout) as { outcome: string }).outcome, 'finished');
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    } finally {
      await world.close();
    }
  });

  it('has the command, which tells its version', async () => {
    const { stdout } = await inProject(path.join(project, 'node_modules', '.bin', 'pgtrek'), ['--version']);
    assert.match(stdout, /^\d+\.\d+\.\d+/);
  });

  it('is what the documents show', async () => {
    const doc = await readFile(path.join(ROOT, 'docs', 'other-clients.md'), 'utf8');
    assert.ok(doc.includes(await readFile(path.join(CLIENTS, 'node', 'service.mts'), 'utf8')));
  });
});

/** From a copy, so that the checkout's own dist/ is neither used nor made. */
async function pack(checkout: string): Promise<string> {
  const entries = (await readdir(ROOT)).filter((entry) => !NOT_PACKED.includes(entry));
  for (const entry of entries)
    await cp(path.join(ROOT, entry), path.join(checkout, entry), { recursive: true });
  await symlink(path.join(ROOT, 'node_modules'), path.join(checkout, 'node_modules'));
  await execute('npm', ['pack', '--pack-destination', checkout], { cwd: checkout, timeout: DEADLINE_MS });
  const tarball = (await readdir(checkout)).find((entry) => entry.endsWith('.tgz'));
  if (!tarball) throw new Error('npm pack made no package');
  return path.join(checkout, tarball);
}
