import { after, before, describe, it } from 'node:test';
import { assertFinding, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('capacity', () => {
  let pair: Pair;
  let full: Databases;
  before(async () => {
    pair = await startPair({
      source: {
        major: 15,
        settings: { max_replication_slots: '1', max_wal_senders: '0', wal_level: 'logical' },
      },
      target: {
        major: 18,
        settings: {
          max_logical_replication_workers: '0',
          max_active_replication_origins: '0',
          max_worker_processes: '1',
          max_sync_workers_per_subscription: '0',
        },
      },
    });
    full = await pair.newDatabases();
  });
  after(() => pair.remove());

  it('counts a free slot, and blocks when another one takes it', async () => {
    assertFinding(await full.validate(), {
      id: 'source.slots',
      verdict: 'ok',
      why: /Free replication slots on the source: 1/,
    });
    await full.run('source', `SELECT pg_create_physical_replication_slot('theirs')`);
    assertFinding(await full.validate(), {
      id: 'source.slots',
      verdict: 'block',
      why: /max_replication_slots of the source is 1 and 1 is in use/,
      remedy: /ALTER SYSTEM SET max_replication_slots = '6';.*restart/,
    });
    await full.run('source', `SELECT pg_drop_replication_slot('theirs')`);
  });

  it('counts a slot for each lane that is asked for', async () => {
    assertFinding(await full.validate({ spec: { cdc: { lanes: 3 } } }), {
      id: 'source.slots',
      verdict: 'block',
      why: /has only 1 free replication slots: .*; the migration needs 3/,
    });
  });

  it('blocks a copy by the server where it may copy no table', async () => {
    const findings = await full.validate({ spec: { load: { method: 'native' } } });
    assertFinding(findings, {
      id: 'target.sync_workers',
      verdict: 'block',
      remedy: /max_sync_workers_per_subscription = '2'/,
    });
  });

  it('blocks without walsenders, workers, processes and origins', async () => {
    const findings = await full.validate();
    assertFinding(findings, { id: 'source.wal_senders', verdict: 'block', remedy: /max_wal_senders/ });
    assertFinding(findings, {
      id: 'target.apply_workers',
      verdict: 'block',
      remedy: /max_logical_replication_workers/,
    });
    assertFinding(findings, {
      id: 'target.worker_processes',
      verdict: 'block',
      remedy: /max_worker_processes/,
    });
    assertFinding(findings, {
      id: 'target.origins',
      verdict: 'block',
      remedy: /max_active_replication_origins/,
    });
  });
});

describe('capacity of default servers', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({
      source: { major: 18 },
      target: { major: 15, settings: { max_replication_slots: '0' } },
    });
  });
  after(() => pair.remove());

  it('is enough, and origins are counted by max_replication_slots before 18', async () => {
    const findings = await (await pair.newDatabases()).validate();
    assertFinding(findings, { id: 'source.slots', verdict: 'ok' });
    assertFinding(findings, { id: 'source.wal_senders', verdict: 'ok' });
    assertFinding(findings, { id: 'target.apply_workers', verdict: 'ok' });
    assertFinding(findings, { id: 'target.worker_processes', verdict: 'ok' });
    assertFinding(findings, { id: 'target.origins', verdict: 'block', remedy: /max_replication_slots/ });
  });
});
