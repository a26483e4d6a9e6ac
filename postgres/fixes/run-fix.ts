/** Runs the statements of a finding, with the record that takes them back later. */
import type { Fix } from '../../contract/findings.js';
import { messageOf, sqlState } from '../classify-error.js';
import { dropSchemaIfUnused } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';
import { waitUntil } from '../wait-until.js';
import { createFixTable, forgetFix, markFixDone, recordFix } from './record.js';

export interface FixOutcome {
  fix: Fix;
  /** Why it was not done; undefined: it was. */
  failed?: string;
}

export interface FixAsked {
  migration: string;
  by: string;
}

/** Each in its order; one that fails does not keep the others from being run. */
export async function runFixes(session: Session, fixes: Fix[], asked: FixAsked): Promise<FixOutcome[]> {
  const outcomes: FixOutcome[] = [];
  for (const fix of fixes) outcomes.push(await runFix(session, fix, asked));
  if (outcomes.some(({ failed }) => failed !== undefined))
    await dropSchemaIfUnused(session).catch(() => undefined);
  return outcomes;
}

async function runFix(session: Session, fix: Fix, asked: FixAsked): Promise<FixOutcome> {
  try {
    await createFixTable(session);
    await patiently(session, () => runOnce(session, fix, asked));
    return { fix };
  } catch (error) {
    return { fix, failed: messageOf(error) };
  }
}

/** Statement and record are one transaction, but for statements that the server runs outside of one alone (25001). */
async function runOnce(session: Session, fix: Fix, { migration, by }: FixAsked): Promise<void> {
  const record = { migration, by, statements: fix.statements, undo: fix.undo ?? [] };
  try {
    await session.transaction(async () => {
      await recordFix(session, { ...record, isDone: true });
      for (const statement of fix.statements) await runStatement(session, statement);
    });
  } catch (error) {
    if (sqlState(error) !== NOT_IN_TRANSACTION) throw error;
    await runAlone(session, fix, await recordFix(session, { ...record, isDone: false }));
  }
}

/** active_sql_transaction: ALTER SYSTEM, CREATE INDEX CONCURRENTLY and the like. */
const NOT_IN_TRANSACTION = '25001';

/** The record comes first: what was perhaps not run can be taken back, what nobody knows of cannot. */
async function runAlone(session: Session, { statements }: Fix, id: string): Promise<void> {
  let run = 0;
  try {
    for (const statement of statements) {
      await runStatement(session, statement);
      run += 1;
    }
  } catch (error) {
    if (run === 0) await forgetFix(session, id);
    throw error;
  }
  await markFixDone(session, id);
}

async function runStatement(session: Session, statement: string): Promise<void> {
  await session.query(`/* pgtrek: run-fix */ ${statement}`);
}

// Whoever waits for ACCESS EXCLUSIVE lets nobody pass who comes later: 3 s are less than what most applications give
// a statement, and in the second between two tries their queue empties. A minute outlasts most transactions.
const LOCK_TIMEOUT_SQL = `SET /* pgtrek: bound-lock */ lock_timeout = '3s'`;
const BETWEEN_MS = 1_000;
const LONGEST_SECONDS = 60;

/** Again and again while locks cannot be had (55P03), or a deadlock ended it (40P01). */
export async function patiently(session: Session, work: () => Promise<void>): Promise<void> {
  await session.query(LOCK_TIMEOUT_SQL);
  let failure: unknown;
  const done = await waitUntil({ seconds: LONGEST_SECONDS, every: BETWEEN_MS }, async () => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!['55P03', '40P01'].includes(sqlState(error) ?? '')) throw error;
      failure = error;
      return false;
    }
  });
  if (!done) throw failure;
}
