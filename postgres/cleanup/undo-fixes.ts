/** Takes back what `validate --fix` has run for a migration, on both ends. */
import { messageOf } from '../classify-error.js';
import { readFixes } from '../fixes/record.js';
import { undoFix } from '../fixes/undo-fix.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { dropSchemaIfUnused } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';

/** Returns what could not be taken back; what stays on purpose is added to `notes`. */
export async function undoFixes(job: Job, notes: string[]): Promise<string[]> {
  try {
    return await withEnds(job, 'cleanup', async (source, target) => [
      ...(await undoOn(job, { home: source, target, notes })),
      ...(await undoOn(job, { home: target, target: undefined, notes })),
    ]);
  } catch (error) {
    return [`what validate --fix has changed: ${messageOf(error)}`];
  }
}

interface Place {
  home: Session;
  target: Session | undefined;
  notes: string[];
}

async function undoOn({ name }: Job, { home, target, notes }: Place): Promise<string[]> {
  const fixes = await readFixes(home, name);
  const left: string[] = [];
  for (const fix of fixes) {
    try {
      notes.push(...(await undoFix({ home, target }, fix)));
    } catch (error) {
      left.push(
        `what validate --fix has changed on the ${home.endpoint.end} (${fix.undo.join(' ')}): ${messageOf(error)}`,
      );
    }
  }
  if (fixes.length > 0 && left.length === 0) await dropSchemaIfUnused(home);
  return left;
}
