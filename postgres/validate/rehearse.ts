/** The schema restored into a scratch database on the target, so that what would fail is known beforehand. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/findings.js';
import { isRetryable, messageOf } from '../classify-error.js';
import { findClientTools } from '../client-tools.js';
import { sessionOptions, withEnds } from '../job.js';
import type { Job } from '../job.js';
import type { SchemaPlan } from '../ledger/schema-plan.js';
import { furnishScratch } from '../rehearsal/furnish.js';
import { remedyFor } from '../rehearsal/remedies.js';
import { restoreSchema } from '../rehearsal/restore-schema.js';
import type { FailedObject, Rehearsed } from '../rehearsal/restore-schema.js';
import {
  claimScratch,
  createScratch,
  dropDeadScratches,
  dropScratch,
  scratchName,
} from '../rehearsal/scratch-database.js';
import { dumpInSnapshot } from '../schema/dump-schema.js';
import { withSession } from '../session.js';
import type { Session } from '../session.js';
import { capFindings } from './check.js';

const ID = 'target.rehearsal';
const AGAIN =
  'Mend what the message names and validate again; without a rehearsal: validate.rehearse: false.';

/** Throws what may pass by itself; anything else is a finding. */
export async function rehearse(job: Job): Promise<Finding[]> {
  if (job.spec.mode === 'cdc')
    return [
      untold(
        'In mode cdc no schema is restored, so there is nothing to rehearse.',
        'Remove validate.rehearse.',
      ),
    ];
  return withEnds(job, 'rehearse', async (source, target) => {
    await claimScratch(target, job);
    await dropDeadScratches(target, job.name);
    const refused = await refusalOf(target);
    if (refused) return [refused];
    const plan = await dump(job, source);
    if ('verdict' in plan) return [plan];
    return rehearsePlan(job, target, plan);
  });
}

/** Why it was not rehearsed. */
function untold(why: string, remedy: string): Finding {
  return { id: ID, scope: 'target', verdict: 'warn', why, remedy };
}

export function notRehearsed(error: unknown): Finding {
  return untold(`The restore could not be rehearsed: ${messageOf(error)}`, AGAIN);
}

const MAY_CREATE_SQL = `
  SELECT /* pgtrek: validate rehearsal */ rolcreatedb OR rolsuper AS allowed FROM pg_roles WHERE rolname = current_user`;

async function refusalOf(target: Session): Promise<Finding | undefined> {
  const { allowed } = await target.one<{ allowed: boolean }>(MAY_CREATE_SQL);
  if (allowed) return undefined;
  const { user } = target.endpoint;
  return untold(
    `The restore was not rehearsed: role ${user} may not create a database on the target.`,
    `ALTER ROLE ${escapeIdentifier(user)} CREATEDB;`,
  );
}

/** What cannot be dumped would block the migration too. */
async function dump(job: Job, source: Session): Promise<SchemaPlan | Finding> {
  try {
    const tools = await findClientTools(Math.floor(source.version / 10_000));
    return await source.read(() => dumpInSnapshot(job, source, tools));
  } catch (error) {
    if (isRetryable(error)) throw error;
    const why = `The schema cannot be dumped: ${messageOf(error)}`;
    return { id: ID, scope: 'source', verdict: 'block', why, remedy: remedyOf(error) };
  }
}

function remedyOf(error: unknown): string {
  const { remedy } = error as { remedy?: unknown };
  return typeof remedy === 'string' ? remedy : AGAIN;
}

async function rehearsePlan(job: Job, target: Session, plan: SchemaPlan): Promise<Finding[]> {
  let found: Finding[];
  try {
    found = await inScratch(job, target, plan, Date.now());
  } catch (error) {
    const left = await takeAway(job);
    job.signal?.throwIfAborted();
    if (isRetryable(error)) throw error;
    return [notRehearsed(error), ...left];
  }
  return [...found, ...(await takeAway(job))];
}

async function inScratch(job: Job, target: Session, plan: SchemaPlan, begin: number): Promise<Finding[]> {
  await createScratch(target, job);
  const servers = { ...job.servers, target: { ...job.servers.target, database: scratchName(job) } };
  const scratchJob = { ...job, servers };
  return withSession(servers.target, sessionOptions(job, 'rehearse'), async (scratch) => {
    const lacking = await furnishScratch(target, scratch);
    const rehearsed = await restoreSchema(scratchJob, scratch, plan);
    const { user } = target.endpoint;
    return judge(rehearsed, { lacking, user, version: target.version, seconds: (Date.now() - begin) / 1000 });
  });
}

/** By a session of its own: that of the rehearsal may be what failed. */
async function takeAway(job: Job): Promise<Finding[]> {
  const options = { ...sessionOptions(job, 'rehearse'), signal: undefined };
  try {
    await withSession(job.servers.target, options, (target) => dropScratch(target, scratchName(job)));
    return [];
  } catch (error) {
    const why = `The database ${scratchName(job)} of the rehearsal could not be dropped: ${messageOf(error)}`;
    return [untold(why, `DROP DATABASE ${escapeIdentifier(scratchName(job))}; -- on the target`)];
  }
}

interface Circumstances {
  /** Extensions of the target's database that the scratch database has not. */
  lacking: { name: string; why: string }[];
  user: string;
  version: number;
  seconds: number;
}

function judge(
  { objects, failed }: Rehearsed,
  { lacking, user, version, seconds }: Circumstances,
): Finding[] {
  const took = `${objects} objects of the schema in ${seconds.toFixed(1)} s`;
  if (failed.length === 0)
    return [
      {
        id: ID,
        scope: 'target',
        verdict: 'ok',
        why: `A rehearsal restored ${took}, in a database of its own, which is gone again.`,
      },
    ];
  const major = Math.floor(version / 10_000);
  const unsure = lacking.map(({ name, why }) => `${name} (${why})`).join(', ');
  return capFindings(
    failed
      .filter((each, index) => !isConsequence(each, failed.slice(0, index)))
      .map(({ object, message, whole }) => ({
        id: ID,
        scope: object === undefined ? 'target' : `target.${object}`,
        // pg_cron and the like say so anywhere but in their one database.
        verdict: unsure !== '' || /can only create extension in database/.test(message) ? 'warn' : 'block',
        why:
          `The target does not take ${object ?? 'what pg_restore sets first'}: ${message}` +
          (unsure === ''
            ? ''
            : ` It may take it in the migration: ${user} could not make what the target's database has: ${unsure}.`),
        remedy: remedyFor({ whole, user, major }),
      })),
  );
}

/** Something that failed before is what it lacks: told once, there. */
function isConsequence({ message }: FailedObject, before: FailedObject[]): boolean {
  const [, missing] =
    /\b(?:relation|function|type|schema|table|view|index) "?([^"\s(]+)[^]*does not exist/.exec(message) ?? [];
  if (missing === undefined) return false;
  return before.some(({ object }) => object !== undefined && namesOf(object).has(missing));
}

/** `table public.orders` is missed as `public.orders` or `orders`. */
function namesOf(object: string): Set<string> {
  const name = object.replace(/^[a-z ]+ /, '').replace(/\(.*$/, '');
  const bare = name.replaceAll('"', '');
  return new Set([name, bare, bare.split('.').at(-1) ?? bare]);
}
