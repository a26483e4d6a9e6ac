import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPair } from '../postgres/pair.js';
import type { Databases, Pair } from '../postgres/pair.js';
import { runCli } from './run-cli.js';

describe('pgtrek validate', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 15 } });
  });
  after(() => pair.remove());

  function validate({ servers }: Databases, ...options: string[]) {
    const { source, target } = servers;
    const connection = ({ end, host, port, database, user }: Databases['servers']['source']) => ({
      ...{ host, port, database, user },
      password: { env: `${end}_password` },
      tls: { mode: 'disable' },
    });
    const spec = { name: 'told', mode: 'full-load', source: connection(source), target: connection(target) };
    return runCli(['validate', '-f', '-', ...options], {
      stdin: JSON.stringify(spec),
      env: { source_password: source.password, target_password: target.password },
    });
  }

  it('exits with 0 in spite of warnings, with 1 where they count, and with 2 when something blocks', async () => {
    const databases = await pair.newDatabases();
    await databases.run('source', 'CREATE TABLE orders (id int PRIMARY KEY)');
    const fine = await validate(databases, '--strict');
    assert.equal(fine.code, 0, fine.stdout + fine.stderr);
    await databases.run('target', 'CREATE TABLE notes (id int PRIMARY KEY)');
    const warned = await validate(databases);
    assert.equal(warned.code, 0, warned.stdout + warned.stderr);
    assert.match(warned.stdout, /^target\n {2}! warn {3}target\.others {2}Database/);
    assert.match(warned.stdout, /findings: \d+ ok, 1 warning, 0 blocks\n/);
    assert.doesNotMatch(warned.stdout, /\u001b/);
    assert.equal((await validate(databases, '--strict')).code, 1);

    await databases.run('target', 'CREATE TABLE orders (id int PRIMARY KEY)');
    const { code, stdout } = await validate(databases, '--strict', '--json');
    assert.equal(code, 2);
    const told = JSON.parse(stdout) as { verdict: string; findings: unknown[]; estimates: unknown };
    assert.deepEqual(Object.keys(told), ['verdict', 'findings', 'estimates']);
    assert.equal(told.verdict, 'block');
    assert.ok(Array.isArray(told.estimates), stdout);
  });
});
