/** Adds and validates foreign keys, and tells those that the data breaks. */
import { escapeLiteral } from 'pg';
import type { KeyResult } from '../../contract/activities.js';
import { PgtrekError } from '../../contract/errors.js';
import { explained, messageOf, sqlState } from '../classify-error.js';
import { inSessions } from '../in-sessions.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { unlessThere } from '../unless-there.js';
import { describeViolation } from './describe-violation.js';
import type { BrokenKey } from './describe-violation.js';

interface PlannedKey extends BrokenKey {
  id: number;
  is_partitioned: boolean;
  is_validated: boolean;
  comment: string | null;
  /** Of the referencing table, as text. */
  bytes: string;
  /** The changes of its two tables come by different lanes, or one of them is still to be loaded. */
  crosses: boolean;
  added: boolean;
  validated: boolean;
}

/** Lanes are those of the partitioned tables at the top. */
const KEYS_SQL = `
  SELECT /* pgtrek: read-foreign-keys */ f.id, f.qualified, f.constraint_name, f.definition, f.is_partitioned,
    f.is_validated, f.violations_sql, f.comment, refers.qualified AS referenced,
    (SELECT sum(part.bytes) FROM pgtrek.relation part WHERE part.owner = f.owner AND part.root = r.root)::text AS bytes,
    here.lane IS NULL OR there.lane IS NULL OR here.lane <> there.lane AS crosses,
    k.oid IS NOT NULL AS added, coalesce(k.convalidated, false) AS validated
  FROM pgtrek.foreign_key f
    JOIN pgtrek.relation r ON r.owner = f.owner AND r.qualified = f.qualified
    JOIN pgtrek.relation here ON here.owner = f.owner AND here.id = r.root
    JOIN pgtrek.relation refers ON refers.owner = f.owner AND refers.id = f.referenced
    JOIN pgtrek.relation there ON there.owner = f.owner AND there.id = refers.root
    LEFT JOIN pg_constraint k
      ON k.conrelid = to_regclass(f.qualified) AND quote_ident(k.conname) = f.constraint_name AND k.contype = 'f'
  WHERE f.owner = $1
  ORDER BY f.id`;

function readKeys(target: Session, owner: string): Promise<PlannedKey[]> {
  return target.query<PlannedKey & Record<string, unknown>>(KEYS_SQL, [owner]);
}

/**
 * Catalog-first: what is there is not added again, and what was to be validated and is not is tried again. `standing`: all
 * lanes stand at one marker; else a key between tables of two lanes is left for later, as one lane may be ahead of the
 * other. Throws INDEX_FAILED; for keys that the data breaks too when load.foreignKeyViolations is block.
 */
export async function buildForeignKeys(job: Job, standing: boolean): Promise<KeyResult> {
  const { keys, deferred, refused } = await withTarget(job, 'keys', (target) =>
    addKeys(job, target, standing),
  );
  const violations = [...refused, ...(await validateKeys(job, keys))];
  const [first] = violations;
  if (first && job.spec.load.foreignKeyViolations === 'block') throw blockedBy(violations, first.key);
  return {
    constraints: keys.length,
    deferred,
    violations: violations.map(({ text }) => text),
  };
}

interface Violation {
  key: PlannedKey;
  text: string;
}

interface Added {
  /** Those that are there. */
  keys: PlannedKey[];
  deferred: number;
  /** Those that cannot be there without being valid. */
  refused: Violation[];
}

/**
 * In one session: ADD locks both tables, and two sessions would wait for each other. It is instantaneous where NOT VALID is
 * possible.
 */
async function addKeys(job: Job, target: Session, standing: boolean): Promise<Added> {
  const all = await readKeys(target, job.owner);
  const waits = !standing && job.spec.mode !== 'full-load';
  const keys = all.filter((key) => !(waits && key.crosses) || isDone(key));
  await setMemory(job, target);
  const refused: Violation[] = [];
  for (const key of keys.filter(({ added }) => !added)) {
    const failure = await violationOf(target, key, () => addKey(target, job.owner, key));
    if (failure) refused.push(failure);
  }
  const lacking = new Set(refused.map(({ key }) => key));
  return { keys: keys.filter((key) => !lacking.has(key)), deferred: all.length - keys.length, refused };
}

function isDone({ added, validated, is_validated }: PlannedKey): boolean {
  return added && (validated || !is_validated);
}

async function addKey(target: Session, owner: string, key: PlannedKey): Promise<void> {
  const { id, qualified, constraint_name, definition, comment } = key;
  const later = isValidatedLater(target, key) ? ' NOT VALID' : '';
  const isThere = async () => (await readKeys(target, owner)).some((known) => known.id === id && known.added);
  await unlessThere(isThere, () =>
    target.transaction(async () => {
      await target.query(
        `ALTER /* pgtrek: add-foreign-key */ TABLE ${qualified} ADD CONSTRAINT ${constraint_name} ${definition}${later}`,
      );
      if (comment === null) return;
      await target.query(
        `COMMENT ON CONSTRAINT ${constraint_name} ON ${qualified} IS ${escapeLiteral(comment)}`,
      );
    }),
  );
}

/** A key that is NOT VALID on the source says so in its definition, and stays so. */
function isValidatedLater(target: Session, key: PlannedKey): boolean {
  return key.is_validated && whyWhole(target, key) === undefined;
}

/**
 * Why a key is added and validated at once, or not at all. VALIDATE of a key with PERIOD lets pass what ADD refuses: it asks for
 * an overlap only (seen on 18.4).
 */
function whyWhole(target: Session, { is_partitioned, violations_sql }: PlannedKey): string | undefined {
  if (violations_sql === null) return 'VALIDATE does not check a key with PERIOD';
  if (is_partitioned && target.version < 180000)
    return 'a partitioned table takes no NOT VALID key before PostgreSQL 18';
  return undefined;
}

/**
 * VALIDATE reads both tables and locks the referencing one against another VALIDATE: one session takes all keys of a table.
 * The largest table first.
 */
async function validateKeys(job: Job, keys: PlannedKey[]): Promise<Violation[]> {
  const tables = new Map<string, PlannedKey[]>();
  for (const key of keys.filter((key) => !isDone(key))) {
    tables.set(key.qualified, [...(tables.get(key.qualified) ?? []), key]);
  }
  const items = [...tables.values()].sort((a, b) => Number(workOf(b) - workOf(a)));
  const violations: Violation[] = [];
  const options = { step: 'keys', sessions: job.spec.load.indexJobs, items };
  await inSessions(job, options, async (target, ofTable) => {
    await setMemory(job, target);
    for (const key of ofTable) {
      const violation = await violationOf(target, key, () => validateKey(target, key));
      if (violation) violations.push(violation);
    }
  });
  return violations.sort((a, b) => a.key.id - b.key.id);
}

function workOf(keys: PlannedKey[]): bigint {
  return keys.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n);
}

/** The server takes it as work_mem for the check. */
async function setMemory(job: Job, target: Session): Promise<void> {
  await target.query(
    `SELECT /* pgtrek: set-key-memory */ set_config('maintenance_work_mem', $1, false), set_config('work_mem', $1, false)`,
    [job.spec.load.maintenanceWorkMem],
  );
}

/** A key that was added whole has been validated with it. */
async function validateKey(target: Session, key: PlannedKey): Promise<void> {
  if (!isValidatedLater(target, key)) return;
  await target.query(
    `ALTER /* pgtrek: validate-foreign-key */ TABLE ${key.qualified} VALIDATE CONSTRAINT ${key.constraint_name}`,
  );
}

/** Undefined when the work succeeds; what the data breaks is described, everything else is thrown. */
async function violationOf(
  target: Session,
  key: PlannedKey,
  work: () => Promise<void>,
): Promise<Violation | undefined> {
  const { constraint_name, qualified } = key;
  const doing = `add foreign key ${constraint_name} of ${qualified}`;
  return explained({ code: 'INDEX_FAILED', doing, object: qualified, remedy: REMEDY }, async () => {
    try {
      await work();
      return undefined;
    } catch (error) {
      if (sqlState(error) !== '23503') throw error;
      const facts = { reason: messageOf(error), whyMissing: whyWhole(target, key) };
      return { key, text: await describeViolation(target, key, facts) };
    }
  });
}

const REMEDY = 'Mend the data or the definition that the message names, on the target, then retry.';

function blockedBy(violations: Violation[], first: PlannedKey): PgtrekError {
  return new PgtrekError('CONSTRAINT_VIOLATED', violations.map(({ text }) => text).join('\n'), {
    object: first.qualified,
    remedy: 'Mend these rows on the source and on the target, then retry.',
  });
}
