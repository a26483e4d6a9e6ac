/** Applies the changes of a transaction on the target until one fails, and takes all of them back. */
import { messageOf, sqlState } from '../classify-error.js';
import { withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { LaneName } from '../../contract/names.js';
import type { Session } from '../session.js';
import { cut, statementOf } from './change-sql.js';
import type { Statement } from './change-sql.js';
import type { Change } from './read-transaction.js';
import type { Relation } from './pgoutput.js';
import { objectionTo, readTargetRelation } from './target-relation.js';
import type { TargetRelation } from './target-relation.js';

export interface FailedChange {
  change: Change;
  there: TargetRelation;
  /** The server's own words, or those of its apply worker. */
  message: string;
}

export type Trial =
  | { failed: FailedChange }
  /** None failed. `absent`: rows that were to be changed and are not there, which the apply worker passes over. */
  | { passed: number; absent: number }
  /** Why the changes could not be tried. */
  | { untried: string };

/** Nobody should use the target; somebody who does must not wait long for a trial. */
const SETTINGS_SQL = `SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'`;

/** As in the apply worker: only triggers that are enabled for replicas fire, and foreign keys are not checked. */
const REPLICA_SQL = `SET LOCAL session_replication_role = replica`;

export async function tryChanges(job: Job, lane: LaneName, changes: Change[]): Promise<Trial> {
  return withTarget(job, 'apply-try', async (target) => {
    await target.client.query('BEGIN');
    try {
      await target.query(SETTINGS_SQL);
      return await new Attempt(target, lane, await becomeReplica(target)).run(changes);
    } finally {
      await target.client.query('ROLLBACK').catch(() => undefined);
    }
  });
}

/** False where the role may not. */
async function becomeReplica(target: Session): Promise<boolean> {
  const { error } = await inSavepoint(target, () => target.query(REPLICA_SQL));
  if (error !== undefined && sqlState(error) !== LACKS_PRIVILEGE) throw error;
  return error === undefined;
}

interface Settled<T> {
  result?: T;
  error?: Error;
}

async function settled<T>(work: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { result: await work() };
  } catch (error) {
    return { error: error as Error };
  }
}

/** A statement that fails has had no effect, and the transaction goes on. */
async function inSavepoint<T>(target: Session, work: () => Promise<T>): Promise<Settled<T>> {
  await target.client.query('SAVEPOINT attempt');
  const done = await settled(work);
  await target.client.query(`${done.error ? 'ROLLBACK TO' : 'RELEASE'} SAVEPOINT attempt`);
  return done;
}

const LACKS_PRIVILEGE = '42501';
const FOREIGN_KEY_VIOLATION = '23503';
/** No fault of the change: a lost connection or a server that lacks room, a lock, a time-out, a privilege of this role. */
const NOT_OF_THE_CHANGE = /^(08|53|57)|^(55P03|40P01|42501)$/;
const MOST_OF_A_MESSAGE = 500;

class Attempt {
  private readonly target: Session;
  private readonly lane: LaneName;
  private readonly isReplica: boolean;
  private readonly relations = new Map<Relation, TargetRelation>();
  private absent = 0;

  constructor(target: Session, lane: LaneName, isReplica: boolean) {
    this.target = target;
    this.lane = lane;
    this.isReplica = isReplica;
  }

  async run(changes: Change[]): Promise<Trial> {
    for (const change of changes) {
      const trial = await this.apply(change);
      if (trial) return trial;
    }
    const last = changes.at(-1);
    // Where foreign keys are checked, those that are checked late would be too.
    const trial = last && this.isReplica ? await this.judge(last, SET_CONSTRAINTS) : undefined;
    return trial ?? { passed: changes.length, absent: this.absent };
  }

  /** Undefined when it passed. */
  private async apply(change: Change): Promise<Trial | undefined> {
    const relations = change.operation === 'truncate' ? change.relations : [change.relation];
    for (const relation of relations) {
      const there = await this.lookUp(relation);
      const message = objectionTo(change, relation, there);
      if (message !== undefined) return { failed: { change, there, message } };
      // The worker looks at a table that left its lane, and applies nothing to it.
      if (!there.isSubscribed) return undefined;
    }
    const statement = statementOf(change, await this.lookUp(change.relation));
    return statement && this.judge(change, statement);
  }

  private async judge(change: Change, { sql, values }: Statement): Promise<Trial | undefined> {
    const work = () => this.target.query(sql, values);
    // The first error ends a trial, unless it is that of a foreign key.
    const { result, error } = this.isReplica ? await settled(work) : await inSavepoint(this.target, work);
    if (error === undefined) {
      const changesRow = change.operation === 'update' || change.operation === 'delete';
      if (changesRow && result?.length === 0) this.absent += 1;
      return undefined;
    }
    const state = sqlState(error);
    if (state === undefined) throw error;
    if (NOT_OF_THE_CHANGE.test(state)) return { untried: cut(messageOf(error), MOST_OF_A_MESSAGE) };
    if (state === FOREIGN_KEY_VIOLATION && !this.isReplica) return undefined;
    const there = this.relations.get(change.relation);
    if (!there) throw error;
    return { failed: { change, there, message: wordsOf(error) } };
  }

  private async lookUp(relation: Relation): Promise<TargetRelation> {
    const known = this.relations.get(relation);
    if (known) return known;
    const there = await readTargetRelation(this.target, this.lane, relation);
    if (there.exists && !this.isReplica) await this.silenceTriggers(there);
    this.relations.set(relation, there);
    return there;
  }

  /** Ours to own, or the trial cannot be like the worker's: then its error tells. */
  private async silenceTriggers({ qualified }: TargetRelation): Promise<void> {
    await this.target.query(`ALTER /* pgtrek: silence-triggers */ TABLE ${qualified} DISABLE TRIGGER USER`);
  }
}

/** Keys that are checked at the commit. */
const SET_CONSTRAINTS: Statement = {
  sql: 'SET /* pgtrek: try-commit */ CONSTRAINTS ALL IMMEDIATE',
  values: [],
};

/** How a statement says what the worker says of a row that it must find by all its values. */
const NO_EQUALITY = /^operator does not exist: (.+) = unknown$/;

/** The key in it is what an operator needs; a whole row is not told. */
function wordsOf(error: unknown): string {
  const { message = '', detail = '' } = error as { message?: string; detail?: string };
  const told = detail.startsWith('Failing row contains') ? '' : detail;
  const [, type] = NO_EQUALITY.exec(message) ?? [];
  if (type !== undefined) return `could not identify an equality operator for type ${type}`;
  return cut([message, told].filter((part) => part !== '').join(': '), MOST_OF_A_MESSAGE);
}
