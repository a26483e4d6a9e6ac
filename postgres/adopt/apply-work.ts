/** Runs an adoption on the target: its statements and the ledger's rows in one transaction. */
import { explained } from '../classify-error.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';
import { readScript } from './archive-script.js';
import type { LedgerState } from './ledger-state.js';
import type { Work } from './plan-steps.js';
import type { SourceChanges } from './read-changes.js';
import { replaceSchema } from './replace-schema.js';
import { runSteps } from './steps.js';

interface Adopted {
  pgRestore: string;
  work: Work;
  ledger: LedgerState;
  changes: SourceChanges;
  anew: Set<number>;
}

/** As pg_restore sets them; locks are waited for as this session does. */
const SETTINGS_SQL = `
  SELECT /* pgtrek: set-for-script */ set_config('check_function_bodies', 'off', true), set_config('xmloption', 'content', true),
    set_config('standard_conforming_strings', 'on', true), set_config('default_tablespace', '', true),
    set_config('default_table_access_method', 'heap', true)`;

export async function applyWork(
  job: Job,
  target: Session,
  { pgRestore, work, ledger, changes, anew }: Adopted,
): Promise<void> {
  const { plan, filenodes } = changes;
  const restored = work.entries.filter(({ steps }) => steps === undefined).map(({ entry }) => entry);
  const script = await readScript(job, { pgRestore, archive: plan.archive, entries: restored });
  await target.transaction(async () => {
    await target.query(SETTINGS_SQL);
    await runSteps(target, work.first);
    for (const { entry, steps } of work.entries) {
      if (steps) await runSteps(target, steps);
      else await restoreEntry(target, `${entry.kind} ${entry.rest}`, script.get(entry.line) ?? '');
    }
    await runSteps(target, work.last);
    await replaceSchema(target, job.owner, { plan, relations: ledger.relations, anew, filenodes });
  });
}

async function restoreEntry(target: Session, object: string, sql: string): Promise<void> {
  await explained(
    {
      code: 'RESTORE_FAILED',
      doing: `restore ${object} on the target`,
      object,
      remedy:
        'Mend what the message names on the target (a role, an extension, a privilege, an object of that name), then retry.',
    },
    () => target.query(`/* pgtrek: adopt-entry */ ${sql}`),
  );
}
