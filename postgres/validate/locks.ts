/** Room in the lock table of both servers for the largest transactions of ours. */
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import type { OnBoth, OnSource } from './check.js';
import { parameterRemedy } from './parameter.js';

const ROOM_SQL = `
  SELECT /* pgtrek: validate lock table */
    current_setting('max_locks_per_transaction')::int AS each,
    current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int AS sessions`;

interface Locked {
  count: number;
  /** Which transaction of ours locks so many. */
  by: string;
}

// What pg_dump and the fence lock: all tables in one transaction. Views are locked while they are read by name.
export async function checkSourceLocks({ source, selection, spec }: OnSource): Promise<Finding[]> {
  const kinds = spec.mode === 'cdc' ? 'rp' : 'rpvm';
  const count = selection.selected.filter(({ kind }) => kinds.includes(kind)).length;
  const by =
    spec.mode === 'full-load' ? 'pg_dump' : spec.mode === 'cdc' ? 'a cutover' : 'pg_dump or a cutover';
  return [await judgeLocks(source, { count, by })];
}

// A table that may hold long values comes with a TOAST table and its index.
const MADE_SQL = `
  SELECT /* pgtrek: validate restored relations */
    coalesce(sum(CASE WHEN c.reltoastrelid = 0 THEN 1 ELSE 3 END), 0)::int AS count
  FROM pg_class c
  WHERE c.oid = ANY ($1::oid[])`;

/** pg_restore makes everything in one transaction; without a load, a subscription looks up its tables in one. */
export async function checkTargetLocks({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  const restores = spec.mode !== 'cdc';
  const relations = selection.selected.filter(({ kind }) => restores || 'rp'.includes(kind));
  if (!restores) return [await judgeLocks(target, { count: relations.length, by: 'CREATE SUBSCRIPTION' })];
  const { count } = await source.one<{ count: number }>(MADE_SQL, [relations.map(({ oid }) => oid)]);
  return [await judgeLocks(target, { count, by: 'pg_restore' })];
}

async function judgeLocks(session: Session, { count, by }: Locked): Promise<Finding> {
  const { each, sessions } = await session.one<{ each: number; sessions: number }>(ROOM_SQL);
  const { end } = session.endpoint;
  const finding = { id: `${end}.locks`, scope: end };
  const room = each * sessions;
  const facts = `${by} locks ${count} relations in one transaction, and the ${end} has room for ${room} locks (max_locks_per_transaction = ${each}, for ${sessions} sessions)`;
  // Everybody else who works there has locks in it, too.
  if (count <= room / 2) return { ...finding, verdict: 'ok', why: `${capitalize(facts)}.` };
  // In steps of the server's default.
  const value = Math.ceil((count * 2) / sessions / 64) * 64;
  return {
    ...finding,
    verdict: count > room ? 'block' : 'warn',
    why:
      count > room
        ? `${capitalize(facts)}: it fails with "out of shared memory".`
        : `${capitalize(facts)}: less than half is left for everybody else.`,
    ...(await parameterRemedy(session, {
      name: 'max_locks_per_transaction',
      value: String(value),
      restart: true,
    })),
  };
}

function capitalize(text: string): string {
  return text.replace(/^[a-z](?!g_)/, (letter) => letter.toUpperCase());
}
