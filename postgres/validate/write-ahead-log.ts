/** Settings of the source that logical replication needs, or that may end it later. */
import type { Finding } from '../../contract/state.js';
import { givenStart } from '../lane/lane-names.js';
import type { OnSource } from './check.js';
import { isRds, parameterRemedy } from './parameter.js';

const WAL_LEVEL_SQL = `SELECT /* pgtrek: validate wal level */ current_setting('wal_level') AS level`;

export async function checkWalLevel({ source }: OnSource): Promise<Finding[]> {
  const { level } = await source.one<{ level: string }>(WAL_LEVEL_SQL);
  const { end } = source.endpoint;
  const finding = { id: `${end}.wal_level`, scope: end };
  if (level === 'logical') return [{ ...finding, verdict: 'ok', why: `wal_level of the ${end} is logical.` }];
  const change = (await isRds(source))
    ? { name: 'rds.logical_replication', value: '1', restart: true }
    : { name: 'wal_level', value: 'logical', restart: true };
  const why = `wal_level of the ${end} is ${level}; logical replication needs logical.`;
  return [{ ...finding, verdict: 'block', why, ...(await parameterRemedy(source, change)) }];
}

// Both come with a unit of their own from pg_settings; NULL where the server is too old to have them.
const RETENTION_SQL = `
  SELECT /* pgtrek: validate slot retention */
    (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size')::float8 AS keep_mb,
    current_setting('max_slot_wal_keep_size', true) AS keep,
    (SELECT setting::bigint FROM pg_settings WHERE name = 'idle_replication_slot_timeout')::float8 AS idle,
    current_setting('idle_replication_slot_timeout', true) AS idle_text`;

interface Retention {
  keep_mb: number | null;
  keep: string | null;
  idle: number | null;
  idle_text: string | null;
}

export async function checkSlotRetention({ source, spec }: OnSource): Promise<Finding[]> {
  const { end } = source.endpoint;
  const loads = spec.mode === 'full-load-and-cdc';
  const found = await source.one<Retention & Record<string, unknown>>(RETENTION_SQL);
  const findings: Finding[] = [];
  if (found.keep_mb !== null && found.keep_mb >= 0) {
    findings.push({
      id: `${end}.max_slot_wal_keep_size`,
      scope: end,
      verdict: 'warn',
      why: `max_slot_wal_keep_size of the ${end} is ${found.keep ?? ''}: when more WAL than that waits for the slot, ${loads ? 'during a long load for example, the slot is lost and the load starts again' : 'the slot is lost, and changes with it'}.`,
      ...(await parameterRemedy(source, { name: 'max_slot_wal_keep_size', value: '-1', restart: false })),
    });
  }
  if (found.idle !== null && found.idle > 0) {
    findings.push({
      id: `${end}.idle_replication_slot_timeout`,
      scope: end,
      verdict: 'warn',
      why: `idle_replication_slot_timeout of the ${end} is ${found.idle_text ?? ''}: a slot that nobody reads for so long${loads ? ', during the load for example,' : ''} is invalidated.`,
      ...(await parameterRemedy(source, {
        name: 'idle_replication_slot_timeout',
        value: '0',
        restart: false,
      })),
    });
  }
  if (findings.length > 0) return findings;
  return [
    {
      id: `${end}.slot_retention`,
      scope: end,
      verdict: 'ok',
      why: `No setting of the ${end} ends a slot.`,
    },
  ];
}

const SYNCHRONOUS_SQL = `
  SELECT /* pgtrek: validate synchronous standby */ current_setting('synchronous_standby_names') AS names`;

/** A subscription whose name matches would hold back every commit of the source until the target has it. */
export async function checkSynchronousStandby({ source, servers }: OnSource): Promise<Finding[]> {
  const { end } = source.endpoint;
  const { names } = await source.one<{ names: string }>(SYNCHRONOUS_SQL);
  const finding = { id: `${end}.synchronous_standby_names`, scope: end };
  if (!/\*|pgtrek_/i.test(names)) {
    const why =
      names === ''
        ? `The ${end} has no synchronous standbys.`
        : `synchronous_standby_names ('${names}') does not match a subscription.`;
    return [{ ...finding, verdict: 'ok', why }];
  }
  return [
    {
      ...finding,
      verdict: 'warn',
      why: `synchronous_standby_names of the ${end} is '${names}' and matches our subscription: commits of the ${end} may wait for the ${servers.target.end}.`,
      remedy: `ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (<your standbys, by name>)'; SELECT pg_reload_conf();`,
    },
  ];
}

// Exists in the minor versions since August 2026: which plugins a slot may use.
const PLUGINS_SQL = `
  SELECT /* pgtrek: validate output plugins */
    setting AS libraries, context = 'postmaster' AS restart
  FROM pg_settings
  WHERE name = 'output_plugin_libraries'`;

export async function checkOutputPlugins({ source }: OnSource): Promise<Finding[]> {
  const [row] = await source.query<{ libraries: string; restart: boolean }>(PLUGINS_SQL);
  if (!row) return [];
  const { end } = source.endpoint;
  const name = 'output_plugin_libraries';
  const finding = { id: `${end}.output_plugins`, scope: end };
  const libraries = readList(row.libraries);
  if (libraries.includes('pgoutput'))
    return [{ ...finding, verdict: 'ok', why: `${name} of the ${end} holds pgoutput.` }];
  return [
    {
      ...finding,
      verdict: 'block',
      why: `${name} of the ${end} is '${row.libraries}': without pgoutput no slot of a subscription works.`,
      ...(await parameterRemedy(source, { name, value: ['pgoutput', ...libraries], restart: row.restart })),
    },
  ];
}

function readList(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim().replace(/^"(.*)"$/, '$1'))
    .filter((name) => name !== '');
}

// Since 17 slots with failover wait for these, which ours do not have; one that was given may.
const STANDBY_SLOTS_SQL = `
  SELECT /* pgtrek: validate standby slots */
    current_setting('synchronized_standby_slots', true) AS listed,
    ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE slot_type = 'physical' AND active) AS active,
    EXISTS (
      SELECT FROM pg_replication_slots r WHERE r.slot_name = $1 AND (to_jsonb(r) ->> 'failover')::boolean
    ) AS waits`;

export async function checkStandbySlots({ source, spec }: OnSource): Promise<Finding[]> {
  const slot = givenStart(spec)?.slot;
  const { listed, active, waits } = await source.one<{
    listed: string | null;
    active: string[];
    waits: boolean;
  }>(STANDBY_SLOTS_SQL, [slot ?? null]);
  const dead = readList(listed ?? '').filter((name) => !active.includes(name));
  if (dead.length === 0) return [];
  const { end } = source.endpoint;
  const name = 'synchronized_standby_slots';
  const alive = readList(listed ?? '').filter((each) => active.includes(each));
  return [
    {
      id: `${end}.${name}`,
      scope: end,
      verdict: waits ? 'block' : 'warn',
      why: `${name} of the ${end} names ${dead.join(', ')}, which no standby uses or which does not exist: slots with failover send nothing${waits ? `, and ${slot ?? ''} is one` : '; those of pgtrek have none, but the others hold back WAL'}.`,
      ...(await parameterRemedy(source, { name, value: alive.join(','), restart: false })),
    },
  ];
}
