/** Takes the fingerprint of a source as a dump does, without a dump. */
import type { Spec } from '../../../contract/spec.js';
import {
  forgetNewerDefinitions,
  takeFingerprint,
  writeFingerprint,
} from '../../../postgres/fingerprint/store-fingerprint.js';
import { readRelationNames, selectRelations } from '../../../postgres/selection.js';
import type { Session } from '../../../postgres/session.js';

export async function storeFingerprint(
  ends: { source: Session; target: Session },
  { owner, select }: { owner: string; select: Spec['select'] },
): Promise<void> {
  const taken = await ends.source.transaction(async () => {
    const { selected } = selectRelations(await readRelationNames(ends.source), select);
    return takeFingerprint(
      ends.source,
      selected.map(({ oid }) => oid),
    );
  }, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const fingerprint = await forgetNewerDefinitions(ends.source, taken);
  await ends.target.transaction(() => writeFingerprint(ends.target, owner, fingerprint));
}
