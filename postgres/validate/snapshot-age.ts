/** How long a snapshot may be held: until the server takes it away, or runs out of transaction ids. */
import type { Finding } from '../../contract/findings.js';
import type { OnSource } from './check.js';
import { parameterRemedy } from './parameter.js';

// Servers up to 16 have it.
const THRESHOLD_SQL = `
  SELECT /* pgtrek: validate old snapshots */ current_setting('old_snapshot_threshold', true) AS threshold`;

/** Rows that a read needs may be gone: "snapshot too old". */
export async function checkOldSnapshots({ source }: OnSource): Promise<Finding[]> {
  const { threshold } = await source.one<{ threshold: string | null }>(THRESHOLD_SQL);
  if (threshold === null || threshold === '-1') return [];
  const name = 'old_snapshot_threshold';
  return [
    {
      id: `source.${name}`,
      scope: 'source',
      verdict: 'block',
      why: `${name} of the source is ${threshold}: the load's snapshot may be too old by then, and its reads fail.`,
      ...(await parameterRemedy(source, { name, value: '-1', restart: true })),
    },
  ];
}

// Of all databases: the oldest decides for the server. 2^31 is where ids would repeat.
const AGE_SQL = `
  SELECT /* pgtrek: validate xid age */
    datname::text AS database,
    age(datfrozenxid)::float8 AS age,
    2147483648 - age(datfrozenxid)::float8 AS left,
    current_setting('autovacuum_freeze_max_age') AS freeze_max_age,
    format('VACUUM (FREEZE, VERBOSE); -- in database %I, as a superuser; first end what holds it back:', datname)
      || ' old transactions, prepared ones, slots' AS remedy
  FROM pg_database
  WHERE datallowconn
  ORDER BY age(datfrozenxid) DESC
  LIMIT 1`;

interface Age {
  database: string;
  age: number;
  left: number;
  freeze_max_age: string;
  remedy: string;
}

const OLD = 1.2e9;
const TOO_OLD = 2.0e9;

/** While the load holds a snapshot nothing younger than it is frozen. */
export async function checkXidAge({ source }: OnSource): Promise<Finding[]> {
  const { database, age, left, freeze_max_age, remedy } = await source.one<Age & Record<string, unknown>>(
    AGE_SQL,
  );
  const finding = { id: 'source.xid_age', scope: `source.database ${database}` };
  const facts = `The oldest transaction id of the source, in database ${database}, is ${inMillions(age)} old: autovacuum freezes from ${inMillions(Number(freeze_max_age))}, and ${inMillions(left)} are left until the server stops taking writes`;
  if (age < OLD) return [{ ...finding, scope: 'source', verdict: 'ok', why: `${facts}.` }];
  const why = `${facts}. The load holds a snapshot, behind which nothing is frozen.`;
  return [{ ...finding, verdict: age < TOO_OLD ? 'warn' : 'block', why, remedy }];
}

function inMillions(count: number): string {
  return `${Math.floor(count / 1e6).toLocaleString('en')} million`;
}
