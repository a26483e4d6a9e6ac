/** Both directions of a migration between two databases with tables of the test's: `there` from source to target. */
import assert from 'node:assert/strict';
import type pg from 'pg';
import type { MarkerPlan } from '../../../contract/activities.js';
import { laneName } from '../../../contract/names.js';
import type { LaneName } from '../../../contract/names.js';
import { reversedRun } from '../../../contract/reversed.js';
import type { SpecInput } from '../../../contract/spec.js';
import type { MonitorFigures } from '../../../contract/state.js';
import { compareDatabases } from '../../../dev/oracle.js';
import { removeObjects } from '../../../postgres/cleanup/remove-objects.js';
import type { Servers } from '../../../postgres/endpoint.js';
import type { Job } from '../../../postgres/job.js';
import { withSource, withTarget } from '../../../postgres/job.js';
import { dropJournal } from '../../../postgres/lane/journal.js';
import { enterTables } from '../../../postgres/lane/enter-tables.js';
import { makeSlot } from '../../../postgres/lane/make-slot.js';
import { publishLane } from '../../../postgres/lane/publication.js';
import { dropSlot } from '../../../postgres/lane/slot.js';
import { dropSubscription } from '../../../postgres/lane/subscription.js';
import { watchLanes } from '../../../postgres/monitor/watch-lanes.js';
import { beginHere } from '../../../postgres/reverse/begin-here.js';
import { confirmStopped } from '../../../postgres/stop/confirm-stopped.js';
import { commitMarker } from '../../../postgres/stop/marker.js';
import { waitUntil } from '../../../postgres/wait-until.js';
import { leftOn } from '../../harness/leaks.js';
import { jobOf } from '../load/loaded.js';
import type { Databases, Pair } from '../pair.js';

type End = 'source' | 'target';

export interface ThereAndBack {
  databases: Databases;
  run: Databases['run'];
  there: Job;
  back: Job;
  /** There again, after a rollback: what an activity gets then. */
  again: Job;
  /** Its tables, publication and slot, as before the fence. */
  prepare: (job: Job, n: number) => Promise<LaneName>;
  /** The marker that ends a direction; what flows the other way begins there. */
  stop: (job: Job, lane: LaneName, next: LaneName) => Promise<void>;
  /** As a cutover leaves the end that is no primary any more. */
  forbidWrites: (end: End) => Promise<void>;
  allowWrites: (end: End) => Promise<void>;
  close: (job: Job, lane: LaneName) => Promise<void>;
  watch: (job: Job, lane: LaneName) => Promise<MonitorFigures>;
  assertEqual: () => Promise<void>;
  /** Removes all, and nothing of ours is left on either end. */
  end: () => Promise<string[]>;
}

export interface ThereAndBackOptions {
  /** Run on both ends. */
  tables: string;
  spec?: Partial<SpecInput>;
  /** Without: the superuser of each server. */
  user?: { user: string; password: string };
  /** From the pair's target to its source. */
  exchanged?: boolean;
}

export async function openBothWays(
  pair: Pair,
  { tables, spec, user, exchanged = false }: ThereAndBackOptions,
): Promise<ThereAndBack> {
  const owned = user ? `OWNER ${user.user}` : '';
  const made = await pair.newDatabases({ source: owned, target: owned });
  const databases = exchanged ? exchange(made) : made;
  const { name, run } = databases;
  const as = user ? `SET ROLE ${user.user}; ` : '';
  for (const end of ['source', 'target'] as const) await run(end, as + tables);
  const plain = jobOf(databases, { mode: 'cdc', ...spec });
  const login = <Each extends object>(endpoint: Each): Each => ({ ...endpoint, ...user });
  const { source, target, replication, observer } = databases.servers;
  const there: Job = {
    ...plain,
    servers: {
      source: login(source),
      target: login(target),
      replication: login(replication),
      observer,
    },
  };
  const back = reversed(there);
  const again = reversed(back);
  let stops = 0;
  const onEnd = async (end: End, sql: string) => {
    await (end === 'source' ? withSource : withTarget)(there, 'test', (session) => session.query(sql));
  };
  return {
    databases,
    run,
    there,
    back,
    again,
    async prepare(job, n) {
      const lane = laneName(job.name, n);
      await enterTables(job);
      await publishLane(job, lane);
      await makeSlot(job, lane);
      return lane;
    },
    async stop(job, lane, next) {
      stops += 1;
      const marker: MarkerPlan = {
        marker: `${job.owner}:${String(stops)}`,
        nonce: `nonce ${String(stops)}`,
        plan: { kind: 'now', then: 'wait' },
        lanes: [lane],
      };
      const { lsn } = await commitMarker(job, marker, () => undefined);
      await confirmStopped(job, { marker, lsn, onFigures: () => undefined });
      await withTarget(job, 'test', (primary) => beginHere(primary, [next]));
    },
    forbidWrites: (end) =>
      onEnd(
        end,
        `ALTER ROLE CURRENT_USER IN DATABASE ${name} SET default_transaction_read_only = off;
         ALTER DATABASE ${name} SET default_transaction_read_only = on`,
      ),
    allowWrites: (end) => onEnd(end, `ALTER DATABASE ${name} RESET default_transaction_read_only`),
    async close(job, lane) {
      await withTarget(job, 'test', async (session) => {
        await dropSubscription(session, lane);
        await dropJournal(session, lane);
      });
      await withSource(job, 'test', async (session) => {
        await dropSlot(session, lane);
        await session.query(`DROP PUBLICATION ${lane}`);
        await dropJournal(session, lane);
      });
    },
    watch: (job, lane) =>
      watchLanes(job, {
        lanes: [lane],
        retired: [],
        standing: false,
        seconds: 0,
        every: 50,
        onFigures: () => undefined,
      }),
    async assertEqual() {
      const { problems } = await compareDatabases(
        configOf(databases, 'source'),
        configOf(databases, 'target'),
        {
          schemas: ['public'],
        },
      );
      assert.deepEqual(problems, []);
    },
    async end() {
      const { leftovers, notes } = await removeObjects(there, false);
      assert.deepEqual(leftovers, []);
      assert.deepEqual(await leftOver(databases), []);
      return notes;
    },
  };
}

function configOf({ servers }: Databases, end: End): pg.ClientConfig {
  const { host, port, database, user, password = '' } = servers[end];
  return { host, port, database, user, password };
}

/** What is left of ours on either end; sessions end a moment after their work. */
export async function leftOver(databases: Databases): Promise<string[]> {
  let left: string[] = [];
  await waitUntil({ seconds: 5 }, async () => {
    left = [
      ...(await leftOn(configOf(databases, 'source'))),
      ...(await leftOn(configOf(databases, 'target'))),
    ];
    return left.length === 0;
  });
  return left;
}

/** As the activity makes it from the reversed spec. */
export function reversed(job: Job): Job {
  return { ...job, spec: reversedRun(job).spec, servers: exchangeServers(job.servers) };
}

function exchangeServers({ source, target, observer }: Servers): Servers {
  return {
    source: { ...target, end: 'source' },
    target: { ...source, end: 'target' },
    replication: target,
    observer,
  };
}

function exchange(databases: Databases): Databases {
  const { servers, run } = databases;
  return {
    ...databases,
    servers: exchangeServers(servers),
    run: (end, sql) => run(end === 'source' ? 'target' : 'source', sql),
  };
}
