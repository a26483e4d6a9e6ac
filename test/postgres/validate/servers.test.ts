import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { judgeClientTools } from '../../../postgres/validate/client-tools.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

describe('servers', () => {
  let up: Pair;
  let down: Pair;
  before(async () => {
    up = await startPair({ source: { major: 15 }, target: { major: 18 } });
    down = await startPair({ source: { major: 18 }, target: { major: 15 } });
  });
  after(() => Promise.all([up.remove(), down.remove()]));

  it('accepts two primaries, the target the newer one', async () => {
    const findings = await (await up.newDatabases()).validate();
    for (const id of [
      'source.version',
      'target.version',
      'source.primary',
      'target.primary',
      'target.other_server',
    ]) {
      assertFinding(findings, { id, verdict: 'ok' });
    }
    assert.deepEqual(findingsOf(findings, 'target.older'), []);
  });

  it('blocks an older target, and warns where the spec allows it', async () => {
    const { validate } = await down.newDatabases();
    assertFinding(await validate(), {
      id: 'target.older',
      verdict: 'block',
      why: /PostgreSQL 15, older than the source's 18/,
      remedy: /validate\.allowOlderTarget: true/,
    });
    const allowed = await validate({ spec: { validate: { allowOlderTarget: true } } });
    assertFinding(allowed, { id: 'target.older', verdict: 'warn', remedy: /validate\.rehearse/ });
  });

  it('blocks replication inside one server, and not a full load', async () => {
    const { servers, validate, name, run } = await up.newDatabases();
    await run('source', `CREATE DATABASE other_${name}`);
    const target = { ...servers.source, end: 'target' as const, database: `other_${name}` };
    assertFinding(await validate({ target }), {
      id: 'target.other_server',
      verdict: 'block',
      why: /waits for itself/,
      remedy: /mode: full-load/,
    });
    assertFinding(await validate({ target, spec: { mode: 'full-load' } }), {
      id: 'target.other_server',
      verdict: 'ok',
    });
  });

  it('blocks a database that is its own target, in every mode', async () => {
    const { servers, validate } = await up.newDatabases();
    const findings = await validate({
      target: { ...servers.source, end: 'target' },
      spec: { mode: 'full-load' },
    });
    assertFinding(findings, {
      id: 'target.other_server',
      verdict: 'block',
      why: /one and the same database/,
    });
  });
});

describe('client tools', () => {
  const tools = { pgDump: '/bin/pg_dump', pgRestore: '/bin/pg_restore', major: 16 };

  it('may be newer than the source', () => {
    assert.equal(judgeClientTools(tools, 15, 18).verdict, 'ok');
    assert.equal(judgeClientTools(tools, 16, 18).verdict, 'ok');
  });

  it('may not be older than the source', () => {
    const { verdict, why, remedy } = judgeClientTools(tools, 17, 18);
    assert.equal(verdict, 'block');
    assert.match(why, /\/bin\/pg_dump is of PostgreSQL 16 .* which is 17/);
    assert.match(remedy ?? '', /postgresql-client-17/);
  });
});
