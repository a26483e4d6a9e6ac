import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fillSample } from '../../../dev/sample.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

/** Every catalog that a check could touch by mistake, and what a slot or subscription leaves. */
const CATALOGS = [
  'pg_class',
  'pg_namespace',
  'pg_proc',
  'pg_type',
  'pg_attribute',
  'pg_publication',
  'pg_publication_rel',
  'pg_subscription',
  'pg_replication_origin',
  'pg_replication_slots',
  'pg_roles',
  'pg_db_role_setting',
  'pg_depend',
  'pg_description',
  'pg_extension',
  'pg_default_acl',
  'pg_prepared_xacts',
  'pg_file_settings',
];

// Statistics move on their own, and xids of the catalog's own housekeeping too.
const VOLATILE = [
  'relpages',
  'reltuples',
  'relallvisible',
  'relallfrozen',
  'relfrozenxid',
  'relminmxid',
  'restart_lsn',
];

async function readCatalogs(databases: Databases, end: 'source' | 'target'): Promise<unknown> {
  const parts = CATALOGS.map(
    (
      name,
    ) => `SELECT '${name}' AS catalog, md5(string_agg(x::text, ' ' ORDER BY x::text)) AS hash, count(*)::int AS rows
      FROM (SELECT to_jsonb(t) - '{${VOLATILE.join(',')}}'::text[] AS x FROM pg_catalog.${name} t) AS all_rows`,
  );
  return databases.run(end, `${parts.join(' UNION ALL ')} ORDER BY 1`);
}

for (const [sourceMajor, targetMajor] of [
  [15, 18],
  [18, 15],
] as const) {
  describe(`validating a migration from ${sourceMajor} to ${targetMajor}`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      pair = await startPair({ source: { major: sourceMajor }, target: { major: targetMajor } });
      databases = await pair.newDatabases();
      await fillSample(pair.source.connection(databases.name));
    });
    after(() => pair.remove());

    it('leaves both servers as they were, and no session', async () => {
      const before = [await readCatalogs(databases, 'source'), await readCatalogs(databases, 'target')];
      await databases.validate();
      await databases.validate({ spec: { mode: 'full-load' } });
      await databases.validate({ replication: { password: 'wrong' } });
      assert.deepEqual(
        [await readCatalogs(databases, 'source'), await readCatalogs(databases, 'target')],
        before,
      );
      for (const end of ['source', 'target'] as const) {
        const sessions = await databases.run(
          end,
          `SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pgtrek:%'`,
        );
        assert.deepEqual(sessions, []);
      }
    });

    it('makes every check of a mode, and gives each bad finding a remedy', async () => {
      const findings = await databases.validate();
      assert.ok(findings.length > 30, `${findings.length} findings`);
      assert.deepEqual(
        findings.filter(({ id }) => id === 'check.failed'),
        [],
      );
      for (const finding of findings) {
        assert.match(finding.id, /^[a-z]+(\.[a-z_]+)*$/);
        if (finding.verdict !== 'ok') assert.ok(finding.remedy, JSON.stringify(finding));
      }
    });

    it('needs less for a full load', async () => {
      const findings = await databases.validate({ spec: { mode: 'full-load' } });
      const replication = [
        'source.wal_level',
        'source.slots',
        'source.replica_identity',
        'target.reaches_source',
        'source.privileges.replication',
      ];
      assert.deepEqual(
        findings.filter(({ id }) => replication.includes(id)),
        [],
      );
    });

    it('ends with its signal', async () => {
      const controller = new AbortController();
      controller.abort(new Error('enough'));
      const { validateServers } = await import('../../../postgres/validate/index.js');
      const { parseSpec } = await import('../../../contract/spec.js');
      const { servers } = databases;
      const end = { host: servers.source.host, database: databases.name, user: 'postgres' };
      const spec = parseSpec({ name: 'move-it', source: end, target: end });
      await assert.rejects(
        validateServers({ spec, servers, owner: undefined, signal: controller.signal }),
        /enough/,
      );
    });
  });
}
