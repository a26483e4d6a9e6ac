import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseSpec } from '../../../contract/spec.js';
import { describeChange } from '../../../contract/schema-change.js';
import type { SchemaChange } from '../../../contract/state.js';
import { embeddedMajors } from '../../../dev/cluster.js';
import { findChanges } from '../../../postgres/fingerprint/find-drift.js';
import { storeFingerprint } from './store.js';
import { createLedger } from '../../../postgres/ledger/create-ledger.js';
import { withSession } from '../../../postgres/session.js';
import type { Session } from '../../../postgres/session.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';
import { CASES, QUIET } from './cases.js';
import { SCHEMA_SQL } from './schema.js';

const [oldest = 0, newest = 0] = [embeddedMajors().at(0), embeddedMajors().at(-1)];
const OWNER = 'the-owner';
const PURPOSE = { purpose: 'pgtrek: test' };
const { select, schema } = parseSpec({
  name: 'drift',
  source: { host: 'a', database: 'a', user: 'a' },
  target: { host: 'b', database: 'b', user: 'b' },
  select: { exclude: ['audit.*'] },
});

for (const [major, other] of [
  [oldest, newest],
  [newest, oldest],
] as const) {
  describe(`drift of a source of PostgreSQL ${String(major)}`, () => {
    let pair: Pair;
    let dumped: Databases;

    before(async () => {
      pair = await startPair({
        source: { major, settings: { wal_level: 'logical' } },
        target: { major: other },
      });
      dumped = await pair.newDatabases();
      await dumped.run('source', `CREATE ROLE reader; CREATE ROLE boss; ${SCHEMA_SQL}`);
      await withEnds(dumped, async (source, target) => {
        await createLedger(target, OWNER, 'drift');
        await storeFingerprint({ source, target }, { owner: OWNER, select });
      });
    });
    after(() => pair.remove());

    function withEnds<T>(
      databases: Databases,
      work: (source: Session, target: Session) => Promise<T>,
    ): Promise<T> {
      return withSession(databases.servers.source, PURPOSE, (source) =>
        withSession(dumped.servers.target, PURPOSE, (target) => work(source, target)),
      );
    }

    const compare = async (source: Session, target: Session) => {
      const { changes, certain } = await findChanges({
        source,
        target,
        owner: OWNER,
        spec: { select, schema },
      });
      assert.equal(certain, true);
      return changes;
    };

    /** A transaction sees its own changes, and they are gone with it. */
    const changesInside = (sql: string) =>
      withEnds(dumped, async (source, target) => {
        await source.query('BEGIN');
        await source.client.query(sql);
        return compare(source, target);
      });

    /** A copy of the database keeps the oids of everything in it. */
    async function changesAfter(statements: string[]): Promise<SchemaChange[]> {
      const copy = await pair.newDatabases({ source: `TEMPLATE ${dumped.name}` });
      for (const statement of statements) await copy.run('source', statement);
      return withEnds(copy, (source, target) => source.transaction(() => compare(source, target)));
    }

    for (const { title, sql, told } of CASES) {
      it(`tells ${title}`, async () => {
        const changes = await changesInside(sql);
        assert.deepEqual(
          changes.map((change) => [change.kind, describeChange(change)]),
          told,
        );
      });
    }

    for (const { title, sql } of QUIET) {
      it(`is not ${title}`, async () => {
        assert.deepEqual(await changesAfter([sql].flat()), []);
      });
    }
  });
}
