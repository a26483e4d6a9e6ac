/** Settings of servers and roles that cut long work short, where our sessions cannot override them. */
import type { Finding } from '../../contract/findings.js';
import { findClientTools } from '../client-tools.js';
import { copiesByServer } from '../lane/lane-names.js';
import type { Session } from '../session.js';
import type { OnBoth, OnSource, OnTarget } from './check.js';
import { parameterRemedy } from './parameter.js';
import { readRoleSettings, roleRemedy } from './role-settings.js';
import type { RoleSetting } from './role-settings.js';
import { majorOf } from './servers.js';

/** While a long transaction is decoded or applied, neither side may answer for so long. */
const SHORTEST_MS = 30_000;
const LONG = '5min';

function isShort({ ms }: RoleSetting): boolean {
  return ms !== null && ms > 0 && ms < SHORTEST_MS;
}

interface Patience {
  name: 'wal_sender_timeout' | 'wal_receiver_timeout';
  /** As it is for this one. */
  role: string;
  /** What comes of a short one, and what mends it. */
  warn: (setting: RoleSetting) => Promise<Pick<Finding, 'why' | 'remedy' | 'fix' | 'restart'>>;
}

async function judgePatience(session: Session, { name, role, warn }: Patience): Promise<Finding[]> {
  const { end } = session.endpoint;
  const [setting] = await readRoleSettings(session, role, [name]);
  if (!setting) return [];
  const finding = { id: `${end}.${name}`, scope: end };
  if (isShort(setting)) return [{ ...finding, verdict: 'warn', ...(await warn(setting)) }];
  return [{ ...finding, verdict: 'ok', why: `${name} of the ${end} is ${setting.value}.` }];
}

/** The walsender runs as the user of source.replication. */
export function checkSenderTimeout({ source, servers }: OnSource): Promise<Finding[]> {
  const { end } = source.endpoint;
  const name = 'wal_sender_timeout';
  const role = servers.replication.user;
  return judgePatience(source, {
    name,
    role,
    warn: async (setting) => ({
      why: `${name} of the ${end} is ${setting.value} for role ${role}: while a long transaction is applied, the ${end} may take the lane for dead, and send it all again.`,
      ...(await roleRemedy(source, { role, settings: [setting], value: LONG })),
    }),
  });
}

export function checkReceiverTimeout({ target, servers }: OnTarget): Promise<Finding[]> {
  const { end, user } = target.endpoint;
  const name = 'wal_receiver_timeout';
  return judgePatience(target, {
    name,
    role: user,
    warn: async ({ value }) => ({
      why: `${name} of the ${end} is ${value}: while the ${servers.source.end} decodes a long transaction and sends nothing, the lane is ended and begins it again.`,
      ...(await parameterRemedy(target, { name, value: LONG, restart: false })),
    }),
  });
}

/** The walsender decodes a transaction in one of its own; a copy by the server reads its tables there. */
export async function checkSourceTimeouts({ source, servers, spec }: OnSource): Promise<Finding[]> {
  const role = servers.replication.user;
  const names = copiesByServer(spec)
    ? ['statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout']
    : ['transaction_timeout'];
  const settings = await setOnes(source, role, names);
  if (settings.length === 0) return [];
  const { end } = source.endpoint;
  return [
    {
      id: `${end}.role_timeouts`,
      scope: `${end}.role ${role}`,
      verdict: 'warn',
      why: `Sessions of ${role} on the ${end} begin with ${listSettings(settings)}, and a walsender keeps that: long ${copiesByServer(spec) ? 'copies and transactions are' : 'transactions are'} cut short.`,
      ...(await roleRemedy(source, { role, settings, value: '0' })),
    },
  ];
}

/** Apply workers run with the settings of the subscription's owner. */
export async function checkApplyTimeouts({ target }: OnTarget): Promise<Finding[]> {
  const { user, end } = target.endpoint;
  const settings = await setOnes(target, user, ['lock_timeout', 'transaction_timeout']);
  if (settings.length === 0) return [];
  return [
    {
      id: `${end}.role_timeouts`,
      scope: `${end}.role ${user}`,
      verdict: 'warn',
      why: `Sessions of ${user} on the ${end} begin with ${listSettings(settings)}, and the workers that apply changes keep that: they end, and begin again, wherever it takes longer.`,
      ...(await roleRemedy(target, { role: user, settings, value: '0' })),
    },
  ];
}

/** pg_restore switches every timeout off that it knows: transaction_timeout from 17 on. */
export async function checkRestoreTimeouts({ source, target }: OnBoth): Promise<Finding[]> {
  const tools = await findClientTools(majorOf(source)).catch(() => undefined);
  if (!tools || tools.major >= 17) return [];
  const { user } = target.endpoint;
  const settings = await setOnes(target, user, ['transaction_timeout']);
  if (settings.length === 0) return [];
  return [
    {
      id: 'target.role_timeouts',
      scope: `target.role ${user}`,
      verdict: 'warn',
      why: `Sessions of ${user} on the target begin with ${listSettings(settings)}, which pg_restore of PostgreSQL ${tools.major} does not switch off.`,
      ...(await roleRemedy(target, { role: user, settings, value: '0' })),
    },
  ];
}

async function setOnes(session: OnSource['source'], role: string, names: string[]): Promise<RoleSetting[]> {
  const settings = await readRoleSettings(session, role, names);
  return settings.filter(({ ms }) => ms !== null && ms > 0);
}

function listSettings(settings: RoleSetting[]): string {
  return settings.map(({ name, value }) => `${name} = ${value}`).join(', ');
}

/** Our own sessions override it; pg_restore, and everybody who comes after the migration, does not. */
export async function checkTargetReadOnly({ target, spec }: OnTarget): Promise<Finding[]> {
  const { user } = target.endpoint;
  const [setting] = await readRoleSettings(target, user, ['default_transaction_read_only']);
  if (!setting || !['on', 'true', 'yes', '1'].includes(setting.value)) return [];
  const restores = spec.mode !== 'cdc';
  const mend = await roleRemedy(target, { role: user, settings: [setting], value: 'off' });
  return [
    {
      id: 'target.read_only',
      scope: `target.role ${user}`,
      verdict: restores ? 'block' : 'warn',
      why: `Sessions of ${user} on the target begin with default_transaction_read_only = on${restores ? ': pg_restore could make nothing' : ''}. Where it is set for the database, everybody who comes later can only read, too.`,
      ...mend,
      remedy: `SET default_transaction_read_only = off; ${mend.remedy ?? ''}`,
    },
  ];
}
