import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Verification } from '../../client/index.js';
import { startPair } from '../postgres/pair.js';
import type { Databases, Pair } from '../postgres/pair.js';
import { runCli } from './run-cli.js';

describe('pgtrek verify without Temporal', () => {
  let pair: Pair;
  let databases: Databases;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    for (const end of ['source', 'target'] as const)
      await databases.run(
        end,
        'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT n, n FROM generate_series(1, 100) n',
      );
  });
  after(async () => {
    await pair.remove();
    await rm(folder, { recursive: true });
  });

  function verify(...args: string[]) {
    const end = (name: 'source' | 'target') => {
      const { host, port, database, user } = databases.servers[name];
      return {
        host,
        port,
        database,
        user,
        password: { env: `${name.toUpperCase()}_PW` },
        tls: { mode: 'disable' },
      };
    };
    const { source, target } = databases.servers;
    return runCli(['verify', '-f', '-', ...args], {
      stdin: JSON.stringify({ name: 'orders', source: end('source'), target: end('target') }),
      env: { SOURCE_PW: source.password, TARGET_PW: target.password },
    });
  }

  it('exits with 0 when all is equal', async () => {
    const { code, stdout, stderr } = await verify();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^✔ equal {2}1 table, 100 rows, 1 chunk, while changes flow; /);
  });

  it('exits with 1 and the keys when not, writes a report, and mends with consent', async () => {
    await databases.run('target', 'UPDATE t SET n = 0 WHERE id = 7; DELETE FROM t WHERE id = 8');
    const file = path.join(folder, 'report.json');
    const found = await verify('--point', '--report', file);
    assert.equal(found.code, 1, found.stderr);
    assert.match(
      found.stdout,
      / {2}public\.t {2}different {14}id = 7\n {2}public\.t {2}missing on the target {2}id = 8\n/,
    );
    const report = JSON.parse(await readFile(file, 'utf8')) as Verification;
    assert.equal(report.differences.length, 2);
    const mended = await verify('--point', '--repair', '--yes', '--json');
    assert.equal(mended.code, 0, mended.stderr);
    assert.equal((JSON.parse(mended.stdout) as Verification).repaired, '2');
  });
});
