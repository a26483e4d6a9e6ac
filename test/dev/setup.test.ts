import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, mkdir, mkdtemp, readlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { completeEmbeddedPostgres } from '../../dev/setup/embedded-postgres.mjs';
import { reachableNative } from '../../dev/setup/server-user.mjs';

const run = promisify(execFile);
const setup = fileURLToPath(new URL('../../dev/setup.mjs', import.meta.url));

it('set-up that has nothing to do is quick', async () => {
  await run(process.execPath, [setup]);
  const begin = performance.now();
  const { stdout } = await run(process.execPath, [setup]);
  // A quick run takes 0.1 s; the machine may be busy with other things.
  assert.ok(performance.now() - begin < 3_000, 'the second set-up took 3 s or longer');
  assert.equal(stdout.trim().split('\n').length, 7, stdout);
  assert.match(stdout, /dependencies: up to date/);
});

it('set-up tells what to do where a thing cannot be had', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'pgtrek-test-'));
  try {
    const env = { PATH: empty, HOME: empty, XDG_CACHE_HOME: empty };
    const script = new URL('../../dev/setup/temporal.mjs', import.meta.url).href;
    // The download is left out: on a machine with a network it would succeed.
    const code = `import { buildTemporal, cannotGet } from '${script}'; buildTemporal('${empty}') || cannotGet()`;
    const failed = run(process.execPath, ['--input-type=module', '-e', code], { env });
    await assert.rejects(failed, /no temporal command.*npm run setup/);

    const browser = new URL('../../dev/setup/chromium.mjs', import.meta.url).href;
    const other = `import { cannotGet } from '${browser}'; cannotGet()`;
    const refused = run(process.execPath, ['--input-type=module', '-e', other], { env });
    await assert.rejects(refused, /no Chromium.*PGTREK_CHROMIUM/);

    const pooler = new URL('../../dev/setup/pgbouncer.mjs', import.meta.url).href;
    const last = `import { cannotGet } from '${pooler}'; cannotGet()`;
    const without = run(process.execPath, ['--input-type=module', '-e', last], { env });
    await assert.rejects(without, /no PgBouncer.*PGTREK_PGBOUNCER/);
  } finally {
    await rm(empty, { recursive: true });
  }
});

it('set-up takes the Chromium that PGTREK_CHROMIUM names, and tells when it cannot be run', async () => {
  const script = new URL('../../dev/setup/chromium.mjs', import.meta.url).href;
  const check = (chromium: string) =>
    run(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { checkChromium } from '${script}'; console.log(checkChromium())`,
      ],
      { env: { ...process.env, PGTREK_CHROMIUM: chromium } },
    );
  assert.equal((await check(process.execPath)).stdout.trim(), process.execPath);
  await assert.rejects(
    check('/nowhere/chromium'),
    /PGTREK_CHROMIUM names \/nowhere\/chromium, which cannot be run/,
  );
});

it('set-up makes the links of an embedded PostgreSQL whose install script did not run', async () => {
  const native = await makeEmbedded();
  try {
    completeEmbeddedPostgres({ major: 18, version: '0', native });
    assert.equal(await readlink(join(native, 'lib', 'libpq.so')), 'libpq.so.5.18');
    completeEmbeddedPostgres({ major: 18, version: '0', native });
  } finally {
    await rm(join(native, '..'), { recursive: true });
  }
});

it('a server folder that another user cannot reach is copied to where he can', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root runs servers as another user');
  const native = await makeEmbedded();
  const version = `test-${process.pid}`;
  const copy = join(tmpdir(), `pgtrek-pg-${version}`);
  try {
    completeEmbeddedPostgres({ major: 18, version, native });
    const user = { uid: 65_534, gid: 65_534 };
    assert.equal(reachableNative({ native, version }, user), copy);
    assert.equal(reachableNative({ native, version }, user), copy);
    assert.equal(await readlink(join(copy, 'lib', 'libpq.so')), 'libpq.so.5.18');
  } finally {
    await rm(copy, { recursive: true, force: true });
    await rm(join(native, '..'), { recursive: true });
  }
});

/** A package as npm leaves it without its install script, in a folder private to us. */
async function makeEmbedded(): Promise<string> {
  const native = join(await mkdtemp(join(tmpdir(), 'pgtrek-test-')), 'native');
  await mkdir(join(native, 'bin'), { recursive: true });
  await mkdir(join(native, 'lib'));
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so' }];
  await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));
  await writeFile(join(native, 'lib', 'libpq.so.5.18'), '', { mode: 0o600 });
  for (const binary of ['initdb', 'pg_ctl', 'postgres']) {
    await writeFile(join(native, 'bin', binary), '#!/bin/sh\n', { mode: 0o600 });
  }
  return native;
}
