/** Names of everything that pgtrek makes. They are a public contract: `pgtrek orphans` finds objects by them. */

export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,30}$/;
export const DEFAULT_TASK_QUEUE = 'pgtrek';
export const WORKFLOW_TYPE = 'migration';
/** The schema that holds journals (both ends), and the ledger (target). */
export const PGTREK_SCHEMA = 'pgtrek';

declare const brand: unique symbol;
/** Name of a lane, and so of its publication, slot, subscription and journal table: `pgtrek_orders_1`. */
export type LaneName = string & { [brand]: 'LaneName' };
/** A position in the write-ahead log, as PostgreSQL writes it: `16/B374D848`. */
export type Lsn = string & { [brand]: 'Lsn' };

export function workflowId(name: string): string {
  return `pgtrek-${name}`;
}

export function nameOfWorkflow(id: string): string | undefined {
  return id.startsWith('pgtrek-') ? id.slice('pgtrek-'.length) : undefined;
}

/** The nth lane of a migration; n is never used again, not even after a restart. */
export function laneName(migration: string, n: number): LaneName {
  return `pgtrek_${migration.replaceAll('-', '_')}_${n}` as LaneName;
}

/** Matches the name of every lane of a migration, as a POSIX and JavaScript regular expression. */
export function lanePattern(migration: string): string {
  return `^pgtrek_${migration.replaceAll('-', '_')}_[0-9]+$`;
}

/** Of the function on the source that notes changes of the schema; its event triggers begin with it. */
export function ddlTriggerName(migration: string): string {
  return `pgtrek_${migration.replaceAll('-', '_')}_ddl`;
}

/** The queue of one worker host: activities that need that host's disk. */
export function hostQueue(taskQueue: string, hostId: string): string {
  return `${taskQueue}@${hostId}`;
}

/** How Temporal shows a worker: process and machine for people, and its host's queue for `hostIdOf`. */
export function workerIdentity(worker: { pid: number; machine: string; hostId: string }): string {
  return `${worker.pid}@${worker.machine} pgtrek@${worker.hostId}`;
}

/** Undefined for a worker that gave itself another identity. */
export function hostIdOf(identity: string): string | undefined {
  return /^\d+@\S* pgtrek@(.+)$/.exec(identity)?.[1];
}

/** Bytes from the log's beginning. */
export function lsnToBytes(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** Orders two LSNs by their place in the log: negative when a is before b. */
export function compareLsn(a: string, b: string): number {
  return Number(lsnToBytes(a) - lsnToBytes(b));
}
