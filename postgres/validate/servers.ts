/** Which servers these are: versions, primary or standby, and not one and the same. */
import type { Finding } from '../../contract/state.js';
import type { OnBoth, OnSource, OnTarget } from './check.js';
import { describeEndpoint } from '../endpoint.js';
import type { Session } from '../session.js';

export function majorOf(session: Session): number {
  return Math.floor(session.version / 10_000);
}

export function checkSourceVersion({ source }: OnSource): Finding[] {
  return [checkVersion(source)];
}

export function checkTargetVersion({ target }: OnTarget): Finding[] {
  return [checkVersion(target)];
}

function checkVersion(session: Session): Finding {
  const { end } = session.endpoint;
  const major = majorOf(session);
  const finding = { id: `${end}.version`, scope: end };
  if (major < 11) {
    const why = `The ${end} is PostgreSQL ${major}; pgtrek needs 11 or later.`;
    return {
      ...finding,
      verdict: 'block',
      why,
      remedy: 'Upgrade the server, or move it with pg_dump and pg_restore.',
    };
  }
  if (major < 13 || major > 18) {
    const why = `The ${end} is PostgreSQL ${major}; pgtrek is made for 13 to 18.`;
    return { ...finding, verdict: 'warn', why, remedy: 'Rehearse the migration with a copy first.' };
  }
  return { ...finding, verdict: 'ok', why: `The ${end} is PostgreSQL ${major}.` };
}

/** A newer schema may use what the older target does not know; nobody goes there by mistake. */
export function compareVersions({ source, target, spec }: OnBoth): Finding[] {
  const from = majorOf(source);
  const to = majorOf(target);
  if (to >= from) return [];
  const allowed = spec.validate.allowOlderTarget;
  return [
    {
      id: 'target.older',
      scope: 'target',
      verdict: allowed ? 'warn' : 'block',
      why: `The target is PostgreSQL ${to}, older than the source's ${from}: parts of the schema may not restore, and programs may use what ${to} does not have.`,
      remedy: allowed
        ? 'Rehearse it first (validate.rehearse: true), and test your programs with the target.'
        : `Use a target of PostgreSQL ${from} or later, or say that you want it: validate.allowOlderTarget: true in the spec.`,
    },
  ];
}

const RECOVERY_SQL = `SELECT /* pgtrek: validate primary */ pg_is_in_recovery() AS standby`;

export async function checkSourcePrimary({ source, spec }: OnSource): Promise<Finding[]> {
  const { standby } = await source.one<{ standby: boolean }>(RECOVERY_SQL);
  const finding = { id: 'source.primary', scope: 'source' };
  const where = describeEndpoint(source.endpoint);
  if (!standby) return [{ ...finding, verdict: 'ok', why: `The ${where} is a primary.` }];
  if (spec.mode === 'full-load') {
    return [
      {
        ...finding,
        verdict: 'warn',
        why: `The ${where} is a standby: it may cancel long reads (max_standby_streaming_delay).`,
        remedy: 'ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf(); -- on the standby',
      },
    ];
  }
  const why = `The ${where} is a standby, where no publication and no journal can be made.`;
  return [
    {
      ...finding,
      verdict: 'block',
      why,
      remedy: 'Set source.host to the primary (Aurora: the writer endpoint).',
    },
  ];
}

export async function checkTargetPrimary({ target }: OnTarget): Promise<Finding[]> {
  const { standby } = await target.one<{ standby: boolean }>(RECOVERY_SQL);
  const finding = { id: 'target.primary', scope: 'target' };
  const where = describeEndpoint(target.endpoint);
  if (!standby) return [{ ...finding, verdict: 'ok', why: `The ${where} is a primary.` }];
  const why = `The ${where} is a standby, which cannot be written.`;
  return [
    {
      ...finding,
      verdict: 'block',
      why,
      remedy: 'Set target.host to the primary (Aurora: the writer endpoint).',
    },
  ];
}

// A restored base backup has its origin's system identifier, so that alone does not make two servers one.
const IDENTITY_SQL = `
  SELECT /* pgtrek: validate identity */
    extract(epoch FROM pg_postmaster_start_time())::text || '/' || current_setting('port') AS started,
    CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
      THEN (SELECT system_identifier::text FROM pg_control_system())
    END AS identifier,
    current_database()::text AS database`;

interface Identity {
  started: string;
  identifier: string | null;
  database: string;
}

export async function compareServers({ source, target, spec }: OnBoth): Promise<Finding[]> {
  const from = await source.one<Identity & Record<string, unknown>>(IDENTITY_SQL);
  const to = await target.one<Identity & Record<string, unknown>>(IDENTITY_SQL);
  const known = from.identifier !== null && to.identifier !== null;
  const same = from.started === to.started && (!known || from.identifier === to.identifier);
  const finding = { id: 'target.other_server', scope: 'target' };
  if (!same) return [{ ...finding, verdict: 'ok', why: 'Source and target are two servers.' }];
  if (from.database === to.database) {
    const why = `Source and target are one and the same database: ${from.database} of ${describeEndpoint(target.endpoint)}.`;
    return [
      { ...finding, verdict: 'block', why, remedy: 'Correct target.host, target.port or target.database.' },
    ];
  }
  if (spec.mode === 'full-load') {
    const why = `Source and target are two databases of one server: ${from.database} and ${to.database}.`;
    return [{ ...finding, verdict: 'ok', why }];
  }
  return [
    {
      ...finding,
      verdict: 'block',
      why: `Source and target are databases of one server (${describeEndpoint(target.endpoint)}): a subscription to its own server waits for itself for ever.`,
      remedy: 'Use another server as the target, or mode: full-load.',
    },
  ];
}
