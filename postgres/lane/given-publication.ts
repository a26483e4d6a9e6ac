/** Mode cdc from an existing slot: the publication is somebody else's, and only carries our journal too. */
import { escapeIdentifier } from 'pg';
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import { explained } from '../classify-error.js';
import type { Session } from '../session.js';
import { journalTable } from './journal.js';

const CARRIES_SQL = `
  SELECT /* pgtrek: look-for-journal */
    EXISTS (SELECT FROM pg_publication WHERE pubname = $1) AS found,
    EXISTS (
      SELECT FROM pg_publication_tables WHERE pubname = $1 AND schemaname = 'pgtrek' AND tablename = $2
    ) AS carried`;

/** A publication of all tables carries the journal as soon as it exists. */
export async function addJournal(source: Session, publication: string, lane: LaneName): Promise<void> {
  const look = () => source.one<{ found: boolean; carried: boolean }>(CARRIES_SQL, [publication, lane]);
  const { found, carried } = await look();
  if (!found) {
    throw new PgtrekError('PUBLICATION_INCOMPLETE', `The source has no publication ${publication}.`, {
      object: publication,
      remedy: 'Name the publication of the slot in cdc.start, and start again.',
    });
  }
  if (carried) return;
  const statement = `ALTER PUBLICATION ${escapeIdentifier(publication)} ADD TABLE ${journalTable(lane)}`;
  await explained(
    {
      doing: `add the journal to publication ${publication} of the source`,
      object: publication,
      remedy: `As its owner, on the source: ${statement}; then retry.`,
    },
    () => source.query(statement.replace('ALTER', 'ALTER /* pgtrek: add-journal */')),
  );
}

/** The journal's table takes its membership along when it is dropped; slot and publication were there before. */
export function whatStays({ slot, publication }: { slot: string; publication: string }): string {
  return `Slot ${slot} and publication ${publication} of the source were there before and stay; the slot holds back WAL until somebody uses it or drops it: SELECT pg_drop_replication_slot('${slot}');`;
}
