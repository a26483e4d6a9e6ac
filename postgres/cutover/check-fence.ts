/** What a fence needs, looked at before: privileges, room for locks, sessions that it could not end, and others that write. */
import { escapeIdentifier } from 'pg';
import type { CutoverFindings, Fence } from '../../contract/cutover.js';
import type { LaneName } from '../../contract/names.js';
import type { Job } from '../job.js';
import { createDriftWatch } from '../monitor/watch-drift.js';
import { describeChange } from '../../contract/schema-change.js';
import type { Session } from '../session.js';
import { lackToClose, lackToEnd, lackToLock, lacksToDeny } from './fence-privileges.js';
import type { Lack } from './fence-privileges.js';
import { findLeftBehind } from './left-behind.js';
import { readFenced } from './lock-tables.js';
import { describeOther, readOthers } from './other-sessions.js';

/** A reason where writers depend on it; where the caller keeps them off, a warning. */
interface Found {
  reasons: string[];
  warnings: string[];
}

export async function checkFence(
  job: Job,
  lanes: LaneName[],
  { source, target }: { source: Session; target: Session },
): Promise<Required<CutoverFindings>> {
  const { fence, denyLogin, reverse } = job.spec.cutover;
  const tables = fence === 'lock' ? await readFenced(target, job.owner) : [];
  const closing = await checkClosing(source, reverse);
  const ending = await checkEnding(job, source);
  const found: Found[] = [
    fence === 'external' ? asWarnings(closing) : closing,
    fence === 'external' ? asWarnings(ending) : ending,
    reverse ? await checkOwnRole(job, source) : NOTHING,
    await checkDenied(source, denyLogin),
    await checkLocks(source, tables),
    await checkForeignLanes(source),
    await checkStreaming(target, lanes),
    await checkDrift(job, lanes, { source, target }),
    { reasons: [], warnings: [...(await findLeftBehind(job, source, target)), ...effectsOf(fence)] },
  ];
  return {
    reasons: found.flatMap(({ reasons }) => reasons),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

const NOTHING: Found = { reasons: [], warnings: [] };

function asWarnings({ reasons, warnings }: Found): Found {
  return { reasons: [], warnings: [...reasons, ...warnings] };
}

function effectsOf(fence: Fence): string[] {
  if (fence === 'lock')
    return [
      'sessions of others on the old primary are ended, and some of their transactions are cancelled before that (57014)',
    ];
  return ['sessions of others on the old primary are ended'];
}

async function checkClosing(source: Session, reverse: boolean): Promise<Found> {
  const lack = await lackToClose(source);
  if (!lack) return NOTHING;
  return {
    reasons: [describeLack(lack)],
    warnings: reverse ? ['without that the old primary stays writable'] : [],
  };
}

function describeLack({ why, remedy }: Lack): string {
  return `${why}: ${remedy}`;
}

/** Sessions come and go: those that stand there now are a reason, those that may come a warning. */
async function checkEnding(job: Job, source: Session): Promise<Found> {
  const unendable = (await readOthers(source, job)).filter(({ mayEnd }) => !mayEnd);
  const lack = await lackToEnd(source);
  const { user } = source.endpoint;
  if (unendable.length === 0) return lack ? { reasons: [], warnings: [describeLack(lack)] } : NOTHING;
  const who = unendable.slice(0, 5).map(describeOther).join('; ');
  const remedy = lack
    ? `${lack.remedy} (a superuser’s sessions it still could not end)`
    : `only a superuser can: SELECT pg_terminate_backend(${String(unendable[0]?.pid)});`;
  return { reasons: [`sessions on the source that ${user} may not end: ${who}: ${remedy}`], warnings: [] };
}

/** With lanes the other way our role stays able to write on the old primary: whoever shares it would go on. */
async function checkOwnRole(job: Job, source: Session): Promise<Found> {
  const { user } = source.endpoint;
  const shared = (await readOthers(source, job)).filter(({ role }) => role === user);
  if (shared.length === 0) return NOTHING;
  return {
    reasons: [],
    warnings: [
      `${user} stays able to write on the old primary, for the lanes of the way back, and others use that role too (${shared.slice(0, 3).map(describeOther).join('; ')}): let them log in as another one`,
    ],
  };
}

async function checkDenied(source: Session, denyLogin: string[]): Promise<Found> {
  const lacks = await lacksToDeny(source, denyLogin);
  return {
    reasons: lacks.map(({ lack: { why, remedy } }) => (remedy === undefined ? why : `${why}: ${remedy}`)),
    warnings: [],
  };
}

const LOCKS_SQL = `
  SELECT /* pgtrek: check-locks */
    current_setting('max_locks_per_transaction')::int AS each,
    current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int AS slots,
    (SELECT count(*)::int FROM pg_locks WHERE NOT fastpath) AS used`;

/** Each table takes an entry of the server's lock table, which all sessions share. */
async function checkLocks(source: Session, tables: string[]): Promise<Found> {
  if (tables.length === 0) return NOTHING;
  const lack = await lackToLock(source, tables);
  const { each, slots, used } = await source.one<{ each: number; slots: number; used: number }>(LOCKS_SQL);
  const reasons = lack ? [describeLack(lack)] : [];
  if (tables.length + used > each * slots) {
    const needed = Math.ceil((tables.length * 1.5 + used) / slots);
    reasons.push(
      `the fence locks ${String(tables.length)} tables, others hold ${String(used)} locks, and the source has room for ${String(each * slots)}: ALTER SYSTEM SET max_locks_per_transaction = ${String(needed)}; and restart it, or use cutover.fence: read-only`,
    );
  }
  return { reasons, warnings: [] };
}

const FOREIGN_SQL = `
  SELECT /* pgtrek: check-foreign-lanes */ subname::text AS name FROM pg_subscription
  WHERE subenabled AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND subname !~ '^pgtrek_.*_[0-9]+$' ORDER BY 1 LIMIT 5`;

/** What a subscription applies passes every read-only setting. */
async function checkForeignLanes(source: Session): Promise<Found> {
  const rows = await source.query<{ name: string }>(FOREIGN_SQL);
  return {
    reasons: rows.map(
      ({ name }) =>
        `subscription ${name} writes on the source: ALTER SUBSCRIPTION ${escapeIdentifier(name)} DISABLE; or move it first`,
    ),
    warnings: [],
  };
}

/** A transaction that is streamed in parallel and commits right after the marker is applied all the same. */
async function checkStreaming(target: Session, lanes: LaneName[]): Promise<Found> {
  if (target.version < 160000) return NOTHING;
  const rows = await target.query<{ name: string }>(
    `SELECT /* pgtrek: check-streaming */ subname::text AS name FROM pg_subscription
     WHERE subname = ANY ($1::text[]) AND substream = 'p'
       AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [lanes],
  );
  return {
    reasons: rows.map(
      ({ name }) =>
        `subscription ${name} streams in parallel, which no marker stops exactly: ALTER SUBSCRIPTION ${escapeIdentifier(name)} SET (streaming = on);`,
    ),
    warnings: [],
  };
}

async function checkDrift(
  job: Job,
  lanes: LaneName[],
  { source, target }: { source: Session; target: Session },
): Promise<Found> {
  const { drift, driftUnknown } = await createDriftWatch(job, lanes, source, target)(true);
  const reasons = (drift?.changes ?? []).slice(0, 3).map((change) => `drift: ${describeChange(change)}`);
  return {
    reasons: [
      ...reasons,
      ...(driftUnknown === undefined ? [] : [`the schema could not be compared: ${driftUnknown}`]),
    ],
    warnings: [],
  };
}
