import { after, before, describe, it } from 'node:test';
import { assertFinding, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

/** On the oldest and the newest server that the tests have. */
for (const major of [15, 18]) {
  describe(`a slot and a publication to start from, on ${String(major)}`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      pair = await startPair({
        source: { major, settings: { wal_level: 'logical' } },
        target: { major: 18 },
      });
      databases = await pair.newDatabases();
      await databases.run('source', 'CREATE TABLE t (id int PRIMARY KEY, note text)');
    });
    after(() => pair.remove());

    const validate = (start: { slot: string; publication: string; lsn?: string }) =>
      databases.validate({ spec: { mode: 'cdc', cdc: { start } } });
    const given = { slot: 'theirs', publication: 'theirs' };

    it('must exist', async () => {
      const findings = await validate({ slot: 'nobody', publication: 'nobody' });
      assertFinding(findings, { id: 'source.start_slot', verdict: 'block', why: /does not exist/ });
      assertFinding(findings, {
        id: 'source.start_publication',
        verdict: 'block',
        why: /no publication nobody/,
      });
    });

    it('are taken when the slot is of pgoutput and the publication sends everything', async () => {
      await databases.run('source', 'CREATE PUBLICATION theirs FOR TABLE t');
      await databases.run('source', `SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')`);
      const findings = await validate(given);
      assertFinding(findings, { id: 'source.start_slot', verdict: 'ok' });
      assertFinding(findings, { id: 'source.start_publication', verdict: 'ok' });
    });

    it('are refused for what a subscription cannot read, and for a position that has passed', async () => {
      assertFinding(await validate({ ...given, lsn: '0/1' }), {
        id: 'source.start_slot',
        verdict: 'block',
        why: /stands at .*, past 0\/1/,
      });
      await databases.run('source', `SELECT pg_create_logical_replication_slot('decoded', 'test_decoding')`);
      assertFinding(await validate({ ...given, slot: 'decoded' }), {
        id: 'source.start_slot',
        verdict: 'block',
        why: /uses test_decoding/,
      });
      await databases.run('source', `CREATE PUBLICATION updates FOR TABLE t WITH (publish = 'update')`);
      assertFinding(await validate({ ...given, publication: 'updates' }), {
        id: 'source.start_publication',
        verdict: 'block',
        why: /no marker/,
        remedy: /ALTER PUBLICATION updates SET/,
      });
    });

    it('need tables that are on the target, with every column', async () => {
      assertFinding(await validate(given), {
        id: 'target.tables',
        verdict: 'block',
        why: /has no table public\.t/,
      });
      await databases.run('target', 'CREATE TABLE t (id int PRIMARY KEY)');
      assertFinding(await validate(given), {
        id: 'target.tables',
        verdict: 'block',
        why: /lacks columns of the source: note/,
      });
      await databases.run('target', 'ALTER TABLE t ADD COLUMN note text');
      assertFinding(await validate(given), { id: 'target.tables', verdict: 'ok' });
    });

    it('cannot stop at a position that the source has passed', async () => {
      const stopAt = (lsn: string) => databases.validate({ spec: { cdc: { stop: { lsn } } } });
      assertFinding(await stopAt('0/1'), {
        id: 'stop.lsn',
        verdict: 'block',
        remedy: /pgtrek stop move-it --lsn/,
      });
      assertFinding(await stopAt('FFFFFFF/0'), { id: 'stop.lsn', verdict: 'ok' });
    });
  });
}
