import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../client/index.js';
import { startPair } from '../postgres/pair.js';
import type { Databases, Pair } from '../postgres/pair.js';
import { runCli } from './run-cli.js';

interface Told {
  findings: Finding[];
  fixes: { fix: { statements: string[] }; failed?: string }[];
}

describe('pgtrek validate --fix', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 15 } });
    databases = await pair.newDatabases();
  });
  after(() => pair.remove());

  async function fix(): Promise<Told> {
    const end = (name: 'source' | 'target') => {
      const { host, port, database, user } = databases.servers[name];
      return { host, port, database, user, password: { env: `${name}_PW` }, tls: { mode: 'disable' } };
    };
    const { source, target } = databases.servers;
    const { stdout, stderr } = await runCli(['validate', '-f', '-', '--fix', '--yes', '--json'], {
      stdin: JSON.stringify({ name: 'orders', source: end('source'), target: end('target') }),
      env: { source_PW: source.password, target_PW: target.password },
    });
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as Told;
  }

  it('fixes what one validation does not tell one by one as well', async () => {
    const names = Array.from({ length: 23 }, (_, i) => `t${String(i)}`);
    await databases.run('source', names.map((name) => `CREATE TABLE ${name} (id int);`).join(''));
    const { findings, fixes } = await fix();
    assert.equal(fixes.length, 23);
    assert.equal(findings.find(({ id }) => id === 'source.replica_identity')?.verdict, 'ok');
  });

  it('tells what failed with its cause, once, and runs the others', async () => {
    await databases.run(
      'source',
      `CREATE TABLE held (id int); CREATE TABLE free (id int);
       CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.held') THEN
           RAISE EXCEPTION 'not this one';
         END IF;
       END $$;
       CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION refuse()`,
    );
    const { findings, fixes } = await fix();
    assert.deepEqual(
      fixes.map(({ fix: { statements }, failed }) => [statements[0], failed]),
      [
        ['ALTER TABLE public.free REPLICA IDENTITY FULL;', undefined],
        ['ALTER TABLE public.held REPLICA IDENTITY FULL;', 'not this one'],
      ],
    );
    const left = findings.filter(
      ({ id, verdict }) => id === 'source.replica_identity' && verdict === 'block',
    );
    assert.deepEqual(
      left.map(({ scope }) => scope),
      ['source.table public.held'],
    );
  });
});
