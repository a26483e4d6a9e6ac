import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Mode } from '../../../contract/state.js';
import type { Finding } from '../../../contract/findings.js';
import { startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

type End = 'source' | 'target';

const MOVER = { user: 'mover', password: 'mover' };

/** The blocks of SQL for roles that are no superusers, in README.md's order. */
const [ON_SOURCE = '', , FOR_CUTOVER = '', ON_TARGET = ''] = readGrants();

function readGrants(): string[] {
  const text = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const section = text.split('### Without a superuser')[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/```sql\n([^`]*)```/g)].map(([, sql]) => sql ?? '');
}

/** A grant that the page asks for, how it is taken away, and the one finding that must name it. */
interface Grant {
  on: End;
  away: string;
  verdict: Finding['verdict'];
  id: string;
  scope: string;
  /** The target's major from which on there is such a grant. */
  since?: number;
}

const GRANTS: Grant[] = [
  {
    on: 'source',
    away: 'ALTER ROLE mover NOREPLICATION',
    verdict: 'block',
    id: 'source.privileges.replication',
    scope: 'source.role mover',
  },
  {
    on: 'source',
    away: 'REVOKE CREATE ON DATABASE orders FROM mover',
    verdict: 'block',
    id: 'source.privileges.create',
    scope: 'source',
  },
  {
    on: 'source',
    away: 'REVOKE shop FROM mover',
    verdict: 'block',
    id: 'source.privileges.ownership',
    scope: 'source.role shop',
  },
  {
    on: 'source',
    away: 'REVOKE USAGE ON SCHEMA stock FROM shop',
    verdict: 'block',
    id: 'source.privileges.schema_usage',
    scope: 'source.schema stock',
  },
  {
    on: 'source',
    away: 'REVOKE SELECT ON SEQUENCE stock.numbers FROM shop',
    verdict: 'block',
    id: 'source.privileges.sequences',
    scope: 'source.schema stock',
  },
  {
    on: 'source',
    away: 'REVOKE pg_read_all_stats FROM mover',
    verdict: 'warn',
    id: 'source.privileges.statistics',
    scope: 'source',
  },
  {
    on: 'source',
    away: 'ALTER ROLE mover NOBYPASSRLS',
    verdict: 'block',
    id: 'source.privileges.row_security',
    scope: 'source',
  },
  {
    on: 'source',
    away: 'REVOKE pg_signal_backend FROM mover',
    verdict: 'warn',
    id: 'cutover.privileges',
    scope: 'source.role mover',
  },
  {
    on: 'source',
    away: 'ALTER DATABASE orders OWNER TO postgres; GRANT CREATE ON DATABASE orders TO mover',
    verdict: 'warn',
    id: 'cutover.privileges',
    scope: 'source.database orders',
  },
  {
    on: 'target',
    away: 'REVOKE pg_create_subscription FROM mover',
    verdict: 'block',
    id: 'target.privileges.subscribe',
    scope: 'target',
    since: 16,
  },
  {
    on: 'target',
    away: 'REVOKE shop FROM mover',
    verdict: 'block',
    id: 'target.privileges.set_role',
    scope: 'target.role shop',
  },
  {
    on: 'target',
    away: 'REVOKE SET OPTION FOR shop FROM mover',
    verdict: 'block',
    id: 'target.privileges.set_role',
    scope: 'target.role shop',
    since: 16,
  },
  {
    on: 'target',
    away: 'REVOKE INHERIT OPTION FOR shop FROM mover',
    verdict: 'block',
    id: 'target.privileges.set_role',
    scope: 'target.role shop',
    since: 16,
  },
  {
    on: 'target',
    away: 'ALTER DATABASE orders OWNER TO postgres',
    verdict: 'block',
    id: 'target.privileges.create',
    scope: 'target',
  },
  {
    on: 'target',
    away: 'REVOKE CREATE ON SCHEMA public FROM shop',
    verdict: 'block',
    id: 'target.privileges.schema',
    scope: 'target.schema public',
  },
  {
    on: 'target',
    away: 'REVOKE SET ON PARAMETER session_replication_role FROM mover',
    verdict: 'warn',
    id: 'target.privileges.parameters',
    scope: 'target',
  },
  {
    on: 'target',
    away: 'ALTER ROLE shop NOBYPASSRLS',
    verdict: 'block',
    id: 'target.privileges.row_security',
    scope: 'target.role shop',
    since: 16,
  },
];

/** What the shop has before anybody thinks of moving it. */
const SHOP = `
  CREATE ROLE shop; CREATE ROLE storekeeper;
  GRANT CREATE ON SCHEMA public TO shop;
  SET ROLE shop;
  CREATE TABLE public.customers (id serial PRIMARY KEY, name text);
  ALTER TABLE public.customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON public.customers TO shop USING (name = current_user);
  RESET ROLE;
  CREATE SCHEMA stock AUTHORIZATION storekeeper;
  CREATE SEQUENCE stock.numbers; ALTER SEQUENCE stock.numbers OWNER TO storekeeper;
  CREATE TABLE stock.items (id int PRIMARY KEY DEFAULT nextval('stock.numbers')); ALTER TABLE stock.items OWNER TO shop;
  GRANT USAGE ON SCHEMA stock TO shop; GRANT SELECT ON stock.numbers TO shop;`;

for (const [sourceMajor, targetMajor] of [
  [15, 18],
  [18, 15],
] as const) {
  describe(`roles as a managed service gives them, ${sourceMajor} to ${targetMajor}`, () => {
    let pair: Pair;
    let databases: Databases;
    before(async () => {
      pair = await startPair({ source: { major: sourceMajor }, target: { major: targetMajor } });
      databases = await pair.newDatabases();
      await run('source', SHOP);
      await run('source', ON_SOURCE.replace(/;.*$/gm, ';'));
      await run('source', `ALTER ROLE mover BYPASSRLS`);
      await run('source', FOR_CUTOVER);
      await run('target', forTarget(ON_TARGET));
      await run(
        'target',
        `CREATE ROLE storekeeper; GRANT storekeeper TO mover; ALTER DATABASE orders OWNER TO mover; ALTER ROLE shop BYPASSRLS`,
      );
    });
    after(() => pair.remove());

    const run = (end: End, sql: string) => databases.run(end, inDatabase(sql));
    const inDatabase = (sql: string) =>
      sql.replaceAll(/\borders\b/g, databases.name).replaceAll("'…'", "'mover'");

    /** Older servers have no options of a membership, and no role for subscriptions. */
    function forTarget(sql: string): string {
      const here = sql.replace(/^CREATE DATABASE.*$/m, '').replace(/^\\connect.*$/m, '');
      return targetMajor >= 16
        ? here
        : here.replace(/^.*pg_create_subscription.*$/m, '').replace(/ WITH SET.*;/, ';');
    }

    /** What is not ok, but for what no grant mends. */
    async function lacking(mode: Mode): Promise<Finding[]> {
      const findings = await databases.validate({
        spec: { mode },
        source: MOVER,
        target: MOVER,
        replication: MOVER,
      });
      assert.deepEqual(
        findings.filter(({ id }) => id === 'check.failed'),
        [],
      );
      return findings.filter(
        ({ id, verdict }) =>
          verdict !== 'ok' && /privileges|owners|grantees|reaches|open_transactions|log_statement/.test(id),
      );
    }

    /** Before 16 nobody but a superuser subscribes: such a target is loaded only. */
    const modeFor = (end: End): Mode =>
      end === 'target' && targetMajor < 16 ? 'full-load' : 'full-load-and-cdc';
    const known = targetMajor < 16 ? ['target.privileges.subscribe'] : [];
    const knownFor = (end: End) => (modeFor(end) === 'full-load' ? [] : known);

    it('lack nothing with the grants of README.md', async () => {
      for (const end of ['source', 'target'] as const)
        assert.deepEqual(
          (await lacking(modeFor(end))).map(({ id }) => id),
          knownFor(end),
        );
    });

    for (const { on, away, verdict, id, scope, since = 0 } of GRANTS) {
      it(`lack ${id} after ${away}`, { skip: since > targetMajor }, async () => {
        await run(on, away);
        const found = (await lacking(modeFor(on))).filter((finding) => !knownFor(on).includes(finding.id));
        assert.deepEqual(
          found.map((finding) => [finding.verdict, finding.id, finding.scope]),
          [[verdict, id, inDatabase(scope)]],
          JSON.stringify(found, undefined, 1),
        );
        await run(on, found[0]?.remedy ?? '');
        assert.deepEqual(
          (await lacking(modeFor(on))).map((finding) => finding.id),
          knownFor(on),
        );
      });
    }
  });
}
