/** What must not be left after a migration has ended: on either server, and among the processes of this machine. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { waitUntil } from '../../dev/wait-until.js';
import { query } from './world.js';
import type { Databases } from './world.js';

const LEFT_SQL = `
  SELECT 'slot ' || slot_name AS what FROM pg_replication_slots
    WHERE slot_name LIKE 'pgtrek%' AND database = current_database()
  UNION ALL SELECT 'publication ' || pubname FROM pg_publication WHERE pubname LIKE 'pgtrek%'
  UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
    WHERE subname LIKE 'pgtrek%' AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger WHERE evtname LIKE 'pgtrek%'
  UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'pgtrek'
  UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity
    WHERE application_name ~ '^pgtrek[:_]' AND datname = current_database()`;

export async function leftOn(config: ClientConfig): Promise<string[]> {
  return (await query<{ what: string }>(config, LEFT_SQL)).map(({ what }) => what);
}

/** Sessions end a moment after their socket; everything else is gone when the workflow is. */
export async function assertNothingLeft(databases: Databases): Promise<void> {
  let left: string[] = [];
  await waitUntil(
    async () => {
      left = [
        ...(await leftOn(databases.source)).map((what) => `source: ${what}`),
        ...(await leftOn(databases.target)).map((what) => `target: ${what}`),
        ...childrenOf(databases.source),
        ...childrenOf(databases.target),
      ];
      return left.length === 0;
    },
    { deadlineMs: 10_000 },
  );
  assert.deepEqual(left, []);
}

/** pg_dump and pg_restore processes that work for these databases: told by their environment. */
function childrenOf({ database, port }: ClientConfig): string[] {
  const pids = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /pg_(dump|restore)/.test(line))
    .map((line) => line.trim().split(' ')[0] ?? '');
  return pids
    .filter((pid) => {
      const environment = environmentOf(pid);
      return (
        environment.includes(`PGDATABASE=${database ?? ''}`) && environment.includes(`PGPORT=${String(port)}`)
      );
    })
    .map((pid) => `process ${pid}`);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
