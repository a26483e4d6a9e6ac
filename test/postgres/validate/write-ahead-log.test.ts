import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

describe('settings of the source’s log', () => {
  let good: Pair;
  let bad: Pair;
  before(async () => {
    good = await startPair({ source: { major: 15 }, target: { major: 18 } });
    bad = await startPair({
      source: {
        major: 18,
        settings: {
          wal_level: 'replica',
          max_slot_wal_keep_size: '64MB',
          idle_replication_slot_timeout: '2h',
          synchronous_standby_names: '*',
          // Else every commit of this test would wait for a standby.
          synchronous_commit: 'local',
        },
      },
      target: { major: 18 },
    });
  });
  after(() => Promise.all([good.remove(), bad.remove()]));

  it('accepts wal_level logical and settings that end no slot', async () => {
    const findings = await (await good.newDatabases()).validate();
    assertFinding(findings, { id: 'source.wal_level', verdict: 'ok' });
    assertFinding(findings, { id: 'source.slot_retention', verdict: 'ok' });
    assertFinding(findings, { id: 'source.synchronous_standby_names', verdict: 'ok' });
  });

  it('asks for output plugins only where the server has a setting for them', async () => {
    const databases = await good.newDatabases();
    const known = await databases.run('source', `SHOW output_plugin_libraries`).catch(() => []);
    assert.equal(findingsOf(await databases.validate(), 'source.output_plugins').length, known.length);
  });

  it('blocks at wal_level replica, and says that it needs a restart', async () => {
    const findings = await (await bad.newDatabases()).validate();
    assertFinding(findings, {
      id: 'source.wal_level',
      verdict: 'block',
      why: /wal_level of the source is replica/,
      remedy: /^ALTER SYSTEM SET wal_level = 'logical';.*restart/,
    });
  });

  it('sends users of RDS to the parameter group', async () => {
    const databases = await bad.newDatabases();
    await databases.run('source', `ALTER DATABASE ${databases.name} SET rds.logical_replication = off`);
    const findings = await databases.validate();
    assertFinding(findings, {
      id: 'source.wal_level',
      verdict: 'block',
      remedy: /rds\.logical_replication = 1 in the DB parameter group.*reboot/,
    });
  });

  it('does not look at it for a full load', async () => {
    const findings = await (await bad.newDatabases()).validate({ spec: { mode: 'full-load' } });
    assert.deepEqual(findingsOf(findings, 'source.wal_level'), []);
  });

  it('warns of settings that end a slot', async () => {
    const findings = await (await bad.newDatabases()).validate();
    assertFinding(findings, {
      id: 'source.max_slot_wal_keep_size',
      verdict: 'warn',
      why: /64MB/,
      remedy: /= '-1'; SELECT pg_reload_conf/,
    });
    assertFinding(findings, {
      id: 'source.idle_replication_slot_timeout',
      verdict: 'warn',
      why: /2h/,
      remedy: /= '0'/,
    });
  });

  it('warns of synchronous_standby_names that match a subscription', async () => {
    const findings = await (await bad.newDatabases()).validate();
    assertFinding(findings, {
      id: 'source.synchronous_standby_names',
      verdict: 'warn',
      why: /'\*'/,
      remedy: /ALTER SYSTEM/,
    });
  });
});
