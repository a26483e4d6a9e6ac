import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

const LOGIN = { user: 'mover', password: 'secret' };

for (const [sourceMajor, targetMajor] of [
  [15, 18],
  [18, 15],
] as const) {
  describe(`privileges of the target’s role on ${targetMajor}`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      pair = await startPair({ source: { major: sourceMajor }, target: { major: targetMajor } });
      databases = await pair.newDatabases();
      await databases.run('source', `CREATE TABLE public.orders (id int PRIMARY KEY)`);
      await databases.run('target', `CREATE ROLE mover LOGIN PASSWORD 'secret'`);
    });
    after(() => pair.remove());

    it('are complete for a superuser', async () => {
      const findings = await databases.validate();
      for (const id of ['create', 'subscribe'])
        assertFinding(findings, { id: `target.privileges.${id}`, verdict: 'ok' });
      assert.deepEqual(findingsOf(findings, 'target.privileges.schema'), []);
      assertFinding(findings, { id: 'target.reaches_source', verdict: 'ok' });
    });

    it('are named with the grants that give them, and these suffice', async () => {
      const validate = () => databases.validate({ target: LOGIN, spec: { schema: { owners: 'skip' } } });
      const findings = await validate();
      assertFinding(findings, {
        id: 'target.privileges.create',
        verdict: 'block',
        remedy: /^GRANT CREATE ON DATABASE test_1 TO mover;$/,
      });
      assertFinding(findings, {
        id: 'target.privileges.schema',
        verdict: 'block',
        remedy: /^GRANT CREATE ON SCHEMA public TO mover;$/,
      });
      assertFinding(findings, {
        id: 'target.privileges.subscribe',
        verdict: 'block',
        remedy:
          targetMajor >= 16 ? /^GRANT pg_create_subscription TO "mover";$/ : /^ALTER ROLE "mover" SUPERUSER;/,
      });
      assert.deepEqual(
        findingsOf(findings, 'target.reaches_source'),
        [],
        'cannot be tried without the privilege',
      );
      for (const { id, remedy } of findings) {
        if (id.startsWith('target.privileges.')) await databases.run('target', remedy ?? '');
      }
      const mended = await validate();
      for (const id of ['target.privileges.create', 'target.privileges.subscribe', 'target.reaches_source']) {
        assertFinding(mended, { id, verdict: 'ok' });
      }
      assert.deepEqual(findingsOf(mended, 'check.failed'), []);
    });

    it('include a password for the subscription of a non-superuser', { skip: targetMajor < 16 }, async () => {
      const findings = await databases.validate({ target: LOGIN, replication: { password: undefined } });
      assertFinding(findings, {
        id: 'target.privileges.subscribe',
        verdict: 'block',
        remedy: /source\.replication\.password/,
      });
    });

    it('warn where the log would hold the subscription’s password', async () => {
      assertFinding(await databases.validate(), { id: 'target.log_statement', verdict: 'ok' });
      await databases.run('target', `ALTER DATABASE ${databases.name} SET log_statement = 'all'`);
      const findings = await databases.validate();
      const { remedy } = assertFinding(findings, {
        id: 'target.log_statement',
        verdict: 'warn',
        why: /is all/,
      });
      await databases.run('target', remedy ?? '');
      assertFinding(await databases.validate(), { id: 'target.log_statement', verdict: 'ok' });
    });
  });
}
