/** Restores a dumped schema into the scratch database, section by section as the migration does, and goes on after each failure. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { escapeLiteral } from 'pg';
import { isRetryable, messageOf, sqlState } from '../classify-error.js';
import { findClientTools } from '../client-tools.js';
import { withFolder } from '../job.js';
import type { Job } from '../job.js';
import type { PlannedEntry, SchemaPlan } from '../ledger/schema-plan.js';
import { runTool } from '../run-tool.js';
import { restoreArguments } from '../schema/restore-section.js';
import type { Session } from '../session.js';
import { parseRestoreErrors } from './restore-errors.js';

export interface FailedObject {
  /** `function public.f(integer)`; undefined where pg_restore was busy with no entry. */
  object: string | undefined;
  /** What the server said. */
  message: string;
  /** With the function that it happened in. */
  whole: string;
}

export interface Rehearsed {
  objects: number;
  failed: FailedObject[];
}

/** `job` is of the scratch database, in which the session is too. */
export async function restoreSchema(job: Job, scratch: Session, plan: SchemaPlan): Promise<Rehearsed> {
  const entries = plan.entries.filter(({ leftOut }) => leftOut === undefined);
  const section = (wanted: PlannedEntry['section']) =>
    restoreEntries(job, scratch, {
      plan,
      entries: entries.filter((entry) => entry.section === wanted),
    });
  const steps = [
    () => section('pre-data'),
    () => buildIndexes(scratch, plan),
    () => section('post-data'),
    () => buildForeignKeys(scratch, plan),
    () => refreshViews(job, scratch, plan),
  ];
  const failed: FailedObject[] = [];
  for (const step of steps) failed.push(...(await step()));
  return { objects: entries.length + plan.indexes.length + plan.foreignKeys.length, failed };
}

async function restoreEntries(
  job: Job,
  scratch: Session,
  { plan, entries }: { plan: SchemaPlan; entries: PlannedEntry[] },
): Promise<FailedObject[]> {
  if (entries.length === 0) return [];
  const { pgRestore } = await findClientTools(plan.clientMajor);
  const { stderr } = await withFolder(job, async (folder) => {
    const archive = path.join(folder, 'schema.dump');
    const list = path.join(folder, 'schema.list');
    await writeFile(archive, plan.archive);
    await writeFile(list, entries.map(({ line }) => `${line}\n`).join(''));
    return runTool(job, {
      tool: pgRestore,
      what: 'rehearsal',
      args: [
        '--no-password',
        ...restoreArguments(job),
        `--use-list=${list}`,
        `--dbname=${job.servers.target.database}`,
        archive,
      ],
      endpoint: job.servers.target,
      version: scratch.version,
      step: 'pg_restore',
      code: 'RESTORE_FAILED',
      goesOn: true,
    });
  });
  const byStart = new Map(entries.map((entry) => [entry.line.split(' ').slice(0, 3).join(' '), entry]));
  return parseRestoreErrors(stderr).map(({ entry, message, whole }) => {
    const found = entry === undefined ? undefined : byStart.get(entry);
    return { object: found && describeEntry(found), message, whole };
  });
}

function describeEntry({ kind, type, identity, rest }: PlannedEntry): string {
  return type && identity ? `${type} ${identity}` : `${kind.toLowerCase()} ${rest}`;
}

/** As finish-table.ts does: each index, then what is made of it. */
async function buildIndexes(scratch: Session, { indexes, relations }: SchemaPlan): Promise<FailedObject[]> {
  const tables = new Map(relations.map(({ oid, qualified }) => [oid, qualified]));
  const failed: FailedObject[] = [];
  for (const { qualified, tableOid, indexSql, constraintName, constraintSql, followUpSql } of indexes) {
    const table = tables.get(tableOid) ?? '';
    const statements = [
      ...(indexSql === null ? [] : [indexSql]),
      ...(constraintName === null || constraintSql === null
        ? []
        : [`ALTER TABLE ONLY ${table} ADD CONSTRAINT ${constraintName} ${constraintSql}`]),
      ...followUpSql,
    ];
    failed.push(...(await runUntilFailure(scratch, `index ${qualified}`, statements)));
  }
  return failed;
}

async function buildForeignKeys(scratch: Session, { foreignKeys }: SchemaPlan): Promise<FailedObject[]> {
  const failed: FailedObject[] = [];
  for (const { qualified, constraintName, definition, comment } of foreignKeys) {
    const statements = [
      `ALTER TABLE ${qualified} ADD CONSTRAINT ${constraintName} ${definition}`,
      ...(comment === null
        ? []
        : [`COMMENT ON CONSTRAINT ${constraintName} ON ${qualified} IS ${escapeLiteral(comment)}`]),
    ];
    failed.push(
      ...(await runUntilFailure(scratch, `foreign key ${constraintName} on ${qualified}`, statements)),
    );
  }
  return failed;
}

/** What one refresh is given: a view that computes without tables may take as long as it likes. Too slow is not broken. */
async function refreshViews(
  { spec }: Job,
  scratch: Session,
  { relations }: SchemaPlan,
): Promise<FailedObject[]> {
  await scratch.query(`SELECT /* pgtrek: bound-refresh */ set_config('statement_timeout', $1, false)`, [
    spec.validate.checkTimeout,
  ]);
  let waiting = relations
    .filter(({ kind, hasData }) => kind === 'm' && hasData)
    .map(({ qualified }) => qualified);
  const failed: FailedObject[] = [];
  for (;;) {
    const unfilled = [];
    for (const view of waiting) {
      const outcome = await refreshView(scratch, view);
      if (outcome === 'unfilled') unfilled.push(view);
      else failed.push(...outcome);
    }
    // What still waits reads a view that failed.
    if (unfilled.length === 0 || unfilled.length === waiting.length) return failed;
    waiting = unfilled;
  }
}

/** `unfilled`: it reads a view that is not filled yet. */
async function refreshView(scratch: Session, view: string): Promise<FailedObject[] | 'unfilled'> {
  try {
    await scratch.query(`REFRESH /* pgtrek: rehearse-refresh */ MATERIALIZED VIEW ${view}`);
    return [];
  } catch (error) {
    if (sqlState(error) === '55000') return 'unfilled';
    return sqlState(error) === '57014' ? [] : [toFailed(`materialized view ${view}`, error)];
  }
}

async function runUntilFailure(
  scratch: Session,
  object: string,
  statements: string[],
): Promise<FailedObject[]> {
  try {
    for (const statement of statements) await scratch.query(`/* pgtrek: rehearse-object */ ${statement}`);
    return [];
  } catch (error) {
    return [toFailed(object, error)];
  }
}

/** A lost connection is no fault of the object's. */
function toFailed(object: string, error: unknown): FailedObject {
  if (isRetryable(error)) throw error;
  const message = messageOf(error);
  const { where } = error as { where?: unknown };
  return { object, message, whole: typeof where === 'string' ? `${message}\nCONTEXT:  ${where}` : message };
}
