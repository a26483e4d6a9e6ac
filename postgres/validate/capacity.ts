/** Room for the lanes on both servers: slots, walsenders, workers, origins. */
import { lanePattern } from '../../contract/names.js';
import type { Spec } from '../../contract/spec.js';
import type { Finding } from '../../contract/state.js';
import { copiesByServer, givenStart, lanesOf } from '../lane/lane-names.js';
import type { Session } from '../session.js';
import type { OnSource, OnTarget } from './check.js';
import { parameterRemedy } from './parameter.js';

/** A lane has one slot, one walsender, one apply worker and one origin; a server that copies needs one more of each. */
function neededFor(spec: Spec): number {
  return lanesOf(spec) * (copiesByServer(spec) ? 2 : 1);
}

interface Room {
  id: string;
  /** What there is of it: `replication slots`. */
  what: string;
  setting: string;
  max: number;
  used: number;
  needed: number;
  /** Tables may have to be loaded again. */
  loads: boolean;
}

async function judgeRoom(
  session: Session,
  { id, what, setting, max, used, needed, loads }: Room,
): Promise<Finding> {
  const { end } = session.endpoint;
  const finding = { id: `${end}.${id}`, scope: end };
  const free = Math.max(max - used, 0);
  const facts = `${setting} of the ${end} is ${max} and ${used} ${used === 1 ? 'is' : 'are'} in use`;
  // Tables that one of several lanes loses go to another one while it goes on with the rest.
  const spare = loads && needed > 1 && free === needed;
  if (free >= needed && !spare)
    return { ...finding, verdict: 'ok', why: `Free ${what} on the ${end}: ${free} (${facts}).` };
  return {
    ...finding,
    verdict: spare ? 'warn' : 'block',
    why: spare
      ? `The ${end} has just the ${String(needed)} free ${what} that the migration needs (${facts}): none is left for tables that have to be loaded again.`
      : `The ${end} has ${free === 0 ? 'no' : `only ${String(free)}`} free ${what}: ${facts}; the migration needs ${String(needed)}.`,
    ...(await parameterRemedy(session, {
      name: setting,
      value: String(used + needed + 4),
      restart: true,
    })),
  };
}

// Slots of this migration's own name count in leftovers, not here.
const SOURCE_SQL = `
  SELECT /* pgtrek: validate source capacity */
    current_setting('max_replication_slots')::int AS slots,
    (SELECT count(*)::int FROM pg_replication_slots WHERE slot_name !~ $1) AS slots_used,
    current_setting('max_wal_senders')::int AS senders,
    (SELECT count(*)::int FROM pg_stat_replication) AS senders_used`;

export async function checkSourceCapacity({ source, spec }: OnSource): Promise<Finding[]> {
  const row = await source.one<Record<'slots' | 'slots_used' | 'senders' | 'senders_used', number>>(
    SOURCE_SQL,
    [lanePattern(spec.name)],
  );
  const slots = { id: 'slots', what: 'replication slots', setting: 'max_replication_slots' };
  const loads = spec.mode !== 'cdc';
  const senders = { id: 'wal_senders', what: 'WAL senders', setting: 'max_wal_senders' };
  const needed = neededFor(spec);
  // A slot that was given is there already.
  const newSlots = givenStart(spec) ? 0 : needed;
  return [
    await judgeRoom(source, { ...slots, max: row.slots, used: row.slots_used, needed: newSlots, loads }),
    await judgeRoom(source, { ...senders, max: row.senders, used: row.senders_used, needed, loads }),
  ];
}

// Until 17 max_replication_slots limits the origins, on the subscriber too.
const TARGET_SQL = `
  SELECT /* pgtrek: validate target capacity */
    current_setting('max_logical_replication_workers')::int AS workers,
    current_setting('max_worker_processes')::int AS processes,
    (SELECT count(subname)::int FROM pg_subscription WHERE subenabled AND subname !~ $1) AS subscriptions,
    coalesce(current_setting('max_active_replication_origins', true), current_setting('max_replication_slots'))::int
      AS origins,
    (SELECT count(*)::int FROM pg_replication_origin) AS origins_used,
    current_setting('max_sync_workers_per_subscription')::int AS copiers`;

export async function checkTargetCapacity({ target, spec }: OnTarget): Promise<Finding[]> {
  const row = await target.one<
    Record<'workers' | 'processes' | 'subscriptions' | 'origins' | 'origins_used' | 'copiers', number>
  >(TARGET_SQL, [lanePattern(spec.name)]);
  const workers = {
    id: 'apply_workers',
    what: 'logical replication workers',
    setting: 'max_logical_replication_workers',
  };
  const processes = { id: 'worker_processes', what: 'worker processes', setting: 'max_worker_processes' };
  const setting = target.version >= 180000 ? 'max_active_replication_origins' : 'max_replication_slots';
  const origins = { id: 'origins', what: 'replication origins', setting };
  const needed = neededFor(spec);
  const loads = spec.mode !== 'cdc';
  return [
    await judgeRoom(target, { ...workers, max: row.workers, used: row.subscriptions, needed, loads }),
    // The launcher of logical replication takes one process.
    await judgeRoom(target, { ...processes, max: row.processes, used: row.subscriptions + 1, needed, loads }),
    await judgeRoom(target, { ...origins, max: row.origins, used: row.origins_used, needed, loads }),
    ...(copiesByServer(spec) ? [await judgeCopiers(target, row.copiers)] : []),
  ];
}

/** With load.method native the target server copies so many tables at the same time. */
async function judgeCopiers(target: Session, copiers: number): Promise<Finding> {
  const setting = 'max_sync_workers_per_subscription';
  const finding = { id: 'target.sync_workers', scope: 'target' };
  const why = `${setting} of the target is ${String(copiers)}: it copies so many tables at the same time.`;
  if (copiers > 0) return { ...finding, verdict: 'ok', why };
  const change = { name: setting, value: '2', restart: false };
  return { ...finding, verdict: 'block', why, ...(await parameterRemedy(target, change)) };
}
