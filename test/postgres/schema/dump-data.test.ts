import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { DataDump } from '../../../contract/activities.js';
import { laneName } from '../../../contract/names.js';
import type { SpecInput } from '../../../contract/spec.js';
import { parseSpec } from '../../../contract/spec.js';
import { findClientTools } from '../../../postgres/client-tools.js';
import type { Observer } from '../../../postgres/endpoint.js';
import type { Job } from '../../../postgres/job.js';
import { withTarget, workFolder } from '../../../postgres/job.js';
import { clearLedger } from '../../../postgres/ledger/create-ledger.js';
import { chooseCompression } from '../../../postgres/schema/compression.js';
import { discardDump, dumpData } from '../../../postgres/schema/dump-data.js';
import { dropRestored } from '../../../postgres/schema/drop-restored.js';
import { dumpSchema } from '../../../postgres/schema/dump-schema.js';
import { restoreData } from '../../../postgres/schema/restore-data.js';
import { restorePreData } from '../../../postgres/schema/restore-section.js';
import { assertFinding, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const LANE = laneName('dumped', 1);

const FILL_SQL = `
  CREATE ROLE clerk;
  CREATE TABLE public.orders (id int PRIMARY KEY, note text);
  INSERT INTO public.orders SELECT n, md5(n::text) FROM generate_series(1, 20000) n;
  CREATE TABLE public.empty (id int PRIMARY KEY);`;

const OBJECTS_SQL = `
  SELECT lo_from_bytea(500 + n, convert_to(repeat(md5(n::text), n), 'UTF8')) FROM generate_series(1, 20) n;
  GRANT SELECT ON LARGE OBJECT 501 TO clerk;
  ALTER LARGE OBJECT 502 OWNER TO clerk;
  COMMENT ON LARGE OBJECT 503 IS 'a picture';`;

const SUM_SQL = `SELECT count(*)::int AS rows, md5(string_agg(note, ',' ORDER BY id)) AS digest FROM public.orders`;

const LARGE_SQL = `
  SELECT oid::text, md5(lo_get(oid)) AS digest, pg_get_userbyid(lomowner)::text AS owner, lomacl::text AS acl,
    obj_description(oid, 'pg_largeobject') AS comment
  FROM pg_largeobject_metadata ORDER BY oid`;

describe('rows over a worker’s disk', () => {
  let pair: Pair;
  let folder: string;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
    const { run } = await pair.newDatabases();
    await run('target', 'CREATE ROLE clerk');
    await run('source', 'CREATE ROLE clerk');
  });
  after(async () => {
    await pair.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** With its schema on the target. */
  async function newMigration(
    how: { load?: SpecInput['load']; dataDir?: string; extra?: string } = {},
  ): Promise<{ databases: Databases; job: Job }> {
    const databases = await pair.newDatabases();
    await databases.run('source', FILL_SQL.replace('CREATE ROLE clerk;', '') + (how.extra ?? ''));
    const { servers, name } = databases;
    const end = { host: 'a', database: 'a', user: 'a' };
    const load = { method: 'dump' as const, jobs: 2, ...how.load };
    const job: Job = {
      name: 'dumped',
      owner: `owner-of-${name}`,
      spec: parseSpec({ name: 'dumped', mode: 'full-load', source: end, target: end, load }),
      servers,
      dataDir: how.dataDir ?? folder,
    };
    await dumpSchema(job);
    await restorePreData(job);
    return { databases, job };
  }

  const assertRows = async ({ run }: Databases) => {
    assert.deepEqual(await run('target', SUM_SQL), await run('source', SUM_SQL));
  };

  for (const compression of ['auto', 'none', 'gzip', 'lz4', 'zstd'] as const) {
    it(`come with compression ${compression}, or validate says why not`, async (test) => {
      const tools = await findClientTools(15);
      const chosen = await chooseCompression(tools, compression).catch((error: unknown) => error);
      const { databases, job } = await newMigration({ load: { compression } });
      const findings = await databases.validate({
        spec: { mode: 'full-load', load: { method: 'dump', compression } },
      });
      const id = 'worker.client_tools';
      if (chosen instanceof Error) {
        assertFinding(findings, {
          id,
          verdict: 'block',
          why: new RegExp(compression),
          remedy: /load\.compression/,
        });
        await assert.rejects(dumpData(job), { code: 'TOOLS_MISSING' });
        test.diagnostic(`not with ${tools.pgDump}`);
        return;
      }
      assertFinding(findings, { id, verdict: 'ok' });
      const dump = await dumpData(job);
      const ends: Record<string, RegExp> = { none: /\.dat$/, gzip: /\.gz$/, lz4: /\.lz4$/, zstd: /\.zst$/ };
      const files = (await readdir(dump.directory)).filter((file) => file !== 'toc.dat');
      for (const file of files) assert.match(file, ends[String(chosen)] ?? /$^/);
      await restoreData(job, LANE, dump);
      await assertRows(databases);
      await discardDump(job);
      assert.ok(!(await readdir(folder)).includes(path.basename(workFolder(job))));
    });
  }

  it('bring large objects along, with owner, privileges and comment, also when they broke off', async () => {
    const { databases, job } = await newMigration({ extra: OBJECTS_SQL });
    const dump = await dumpData(job);
    const broken = {
      ...job,
      servers: { ...job.servers, observer: failAt('after', 'pg_restore data') },
    };
    await assert.rejects(restoreData(broken, LANE, dump), /fails here/);
    assert.equal((await databases.run('target', LARGE_SQL)).length, 20);
    await restoreData(job, LANE, dump);
    await assertRows(databases);
    assert.deepEqual(await databases.run('target', LARGE_SQL), await databases.run('source', LARGE_SQL));
    assert.deepEqual(await withTarget(job, 'test', (target) => dropRestored(target, job.owner)), []);
    assert.deepEqual(await databases.run('target', LARGE_SQL), []);
  });

  it('block before anything is written when the target has a large object of the same number', async () => {
    const { databases, job } = await newMigration({ extra: OBJECTS_SQL });
    await databases.run('target', 'SELECT lo_create(505)');
    const dump = await dumpData(job);
    await assert.rejects(restoreData(job, LANE, dump), {
      code: 'LARGE_OBJECT_EXISTS',
      object: 'large object 505',
    });
    assert.equal((await databases.run('target', LARGE_SQL)).length, 1);
    await databases.run('target', 'SELECT lo_unlink(505)');
    await restoreData(job, LANE, dump);
    assert.deepEqual(await databases.run('target', LARGE_SQL), await databases.run('source', LARGE_SQL));
  });

  it('leave large objects behind when they are skipped', async () => {
    const { databases, job } = await newMigration({ extra: OBJECTS_SQL });
    const select = { ...job.spec.select, largeObjects: 'skip' as const };
    const skipping = { ...job, spec: { ...job.spec, select } };
    await restoreData(skipping, LANE, await dumpData(skipping));
    await assertRows(databases);
    assert.deepEqual(await databases.run('target', LARGE_SQL), []);
  });

  it('are dumped once, and again for a schema that was dumped again', async () => {
    const { databases, job } = await newMigration();
    const dump = await dumpData(job);
    await databases.run('source', `INSERT INTO public.orders VALUES (-1, 'late')`);
    assert.deepEqual(await dumpData(job), dump, 'what is complete is taken');
    // A restart: the ledger is new, and the files are of the run before.
    await withTarget(job, 'test', async (target) => {
      await dropRestored(target, job.owner);
      await clearLedger(target, job.owner);
    });
    await dumpSchema(job);
    await restorePreData(job);
    await assert.rejects(restoreData(job, LANE, dump), { code: 'DUMP_LOST' });
    await restoreData(job, LANE, await dumpData(job));
    await assertRows(databases);
  });

  it('are not dumped when the schema has changed since it was', async () => {
    const { databases, job } = await newMigration();
    await databases.run('source', 'ALTER TABLE public.orders ADD extra int');
    await assert.rejects(dumpData(job), { code: 'SCHEMA_CHANGED', message: /public\.orders\.extra/ });
    await databases.run('source', 'ALTER TABLE public.orders DROP extra');
  });

  it('go in once when the restore is tried again', async () => {
    const { databases, job } = await newMigration();
    const dump = await dumpData(job);
    await databases.run('target', 'ALTER TABLE public.orders ADD CHECK (id < 19000)');
    await assert.rejects(restoreData(job, LANE, dump), { code: 'RESTORE_FAILED' });
    await databases.run('target', 'ALTER TABLE public.orders DROP CONSTRAINT orders_id_check');
    await restoreData(job, LANE, dump);
    await restoreData(job, LANE, dump);
    await assertRows(databases);
  });

  describe('on a small disk', { skip: canMount() ? false : 'a disk of 64 MB cannot be mounted here' }, () => {
    let disk: string;
    before(async () => {
      disk = path.join(folder, 'disk');
      await mkdir(disk);
      mount(disk);
    });
    after(() => execFileSync('umount', [disk]));

    it('are not even begun when they do not fit, and come when they do', async () => {
      const tags: string[] = [];
      const { databases, job } = await newMigration({ dataDir: disk, load: { compression: 'none' } });
      const ballast = path.join(disk, 'ballast');
      await writeFile(ballast, Buffer.alloc(57 * 1024 * 1024));
      const observed = {
        ...job,
        servers: {
          ...job.servers,
          observer: (moment: string, tag: string) => void tags.push(`${moment} ${tag}`),
        },
      };
      await assert.rejects(dumpData(observed), {
        code: 'DISK_FULL',
        retryable: false,
        object: path.join(disk, `dumped-${job.owner}`),
        message: /It needs about \d MB, and 7 MB are free, of which 7 MB stay for others/,
        remedy: /PGTREK_DATA_DIR.*stream/,
      });
      assert.ok(tags.includes('before export-data-snapshot'));
      assert.ok(!tags.includes('before pg_dump data'));
      await rm(ballast);
      await restoreData(job, LANE, await dumpData(job));
      await assertRows(databases);
      await discardDump(job);
    });

    it('stop before the disk is full, leave nothing there, and come when there is space', async () => {
      const { databases, job } = await newMigration({ dataDir: disk, load: { compression: 'none' } });
      const client = new pg.Client(pair.source.connection(databases.name));
      await client.connect();
      const ballast = path.join(disk, 'ballast');
      try {
        const observer: Observer = async (moment, tag) => {
          // pg_dump waits for this while the disk fills up.
          if (moment === 'before' && tag === 'pg_dump data')
            await client.query('BEGIN; LOCK TABLE public.empty IN ACCESS EXCLUSIVE MODE');
          if (moment === 'after' && tag === 'start pg_dump data')
            await writeFile(ballast, Buffer.alloc(60 * 1024 * 1024));
        };
        await assert.rejects(dumpData({ ...job, servers: { ...job.servers, observer } }), {
          code: 'DISK_FULL',
          message: /It was stopped, and its files are removed: \d MB are free/,
        });
        assert.deepEqual(await readdir(workFolder(job)), []);
        const { bavail, bsize } = await statfs(disk);
        assert.ok(bavail * bsize > 1024 ** 2, 'it is not full');
      } finally {
        await client.end();
      }
      await rm(ballast);
      await restoreData(job, LANE, await dumpData(job));
      await assertRows(databases);
      await discardDump(job);
    });

    it('stop as well when pg_dump is faster than the watch', async () => {
      const { databases, job } = await newMigration({
        dataDir: disk,
        load: { compression: 'none' },
        // Compressed on the source, 90 MB of text in the dump.
        extra: `INSERT INTO public.orders SELECT -n, repeat('x', 3000000) FROM generate_series(1, 30) n`,
      });
      await assert.rejects(dumpData(job), { code: 'DISK_FULL' });
      assert.deepEqual(await readdir(workFolder(job)), []);
      await databases.run('source', 'DELETE FROM public.orders WHERE id < 0');
      const dump: DataDump = await dumpData(job);
      await restoreData(job, LANE, dump);
      await assertRows(databases);
      await discardDump(job);
    });
  });
});

function failAt(moment: string, tag: string): Observer {
  return (at, what) => {
    if (at === moment && what === tag) throw new Error('it fails here');
  };
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' });
}

/** As root, and not in every container. */
function canMount(): boolean {
  const folder = tmpdir() + `/pgtrek-mount-${String(process.pid)}`;
  try {
    execFileSync('mkdir', [folder]);
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('rm', ['-rf', folder]);
  }
}
