import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';
import { waitUntil } from '../../../dev/wait-until.js';

const ID = 'source.wal_forecast';

for (const major of [15, 18]) {
  describe(`the WAL that slots of ${major} will hold back during the load`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      const settings = { max_slot_wal_keep_size: '2MB' };
      pair = await startPair({ source: { major, settings }, target: { major: 18 } });
      databases = await pair.newDatabases();
      await databases.run('source', 'CREATE TABLE items (id int PRIMARY KEY)');
    });
    after(() => pair.remove());

    it('is told against every limit while the source is written to', async () => {
      const budget = { cdc: { walBudget: '1MB', onWalBudget: 'release' as const } };
      const findings = await whileWritten(pair, databases, () => databases.validate({ spec: budget }));
      assertFinding(findings, {
        id: ID,
        verdict: 'warn',
        why: /^About [\d.]+ [kMG]B of WAL will wait .*\/s \(as measured just now for .*max_slot_wal_keep_size is 2 MB: .*cdc\.walBudget is 1 MB: .*dropped/,
        remedy: /ALTER SYSTEM SET max_slot_wal_keep_size = '\d+GB'.*Set cdc\.walBudget: \d+GB/,
      });
    });

    it('is fine below the limits', async () => {
      await databases.run('source', `ALTER SYSTEM SET max_slot_wal_keep_size = '8TB'`);
      await databases.run('source', 'SELECT pg_reload_conf()');
      const told = await whileWritten(pair, databases, async () => {
        const isSet = await waitUntil(
          async () =>
            (await databases.run('source', 'SHOW max_slot_wal_keep_size'))[0]?.max_slot_wal_keep_size ===
            '8TB',
          { deadlineMs: 10_000 },
        );
        assert.ok(isSet);
        return databases.validate();
      });
      assertFinding(told, { id: ID, verdict: 'ok', why: /; max_slot_wal_keep_size is 8 TB\.$/ });
    });

    it('cannot be known while nothing is written', async () => {
      const spec = { cdc: { walBudget: '1GB' } };
      // A checkpoint or vacuum of its own may come between.
      const isIdle = await waitUntil(
        async () =>
          findingsOf(await databases.validate({ spec }), ID).some(({ why }) =>
            /cannot be known: the source writes none now/.test(why),
          ),
        { deadlineMs: 60_000 },
      );
      assert.ok(isIdle);
    });

    it('is told only where a load and slots come together', async () => {
      for (const mode of ['full-load', 'cdc'] as const)
        assert.deepEqual(findingsOf(await databases.validate({ spec: { mode } }), ID), []);
    });
  });
}

/** Messages in the log, until the work is done. */
async function whileWritten<T>(pair: Pair, { name }: Databases, work: () => Promise<T>): Promise<T> {
  const writer = new pg.Client(pair.source.connection(name));
  await writer.connect();
  let done = false;
  const write = async () => {
    // Slower than a lane applies: else that would be told.
    while (!done)
      await writer.query(
        `SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000)), pg_sleep(0.01)`,
      );
  };
  const writing = write();
  try {
    return await work();
  } finally {
    done = true;
    await writing.finally(() => writer.end());
  }
}
