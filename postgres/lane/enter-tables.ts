/** Mode cdc: enters the tables that are replicated in the ledger, which no dump has done. */
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { storeFingerprint } from '../fingerprint/store-fingerprint.js';
import { createLedger } from '../ledger/create-ledger.js';
import { countTables, writeRelations } from '../ledger/schema-plan.js';
import { readSelection } from '../selection.js';
import { takeOver } from '../take-over.js';

/** Catalog-first: what the ledger already holds is not entered again. */
export async function enterTables(job: Job): Promise<{ tables: number }> {
  return withEnds(job, 'publish', async (source, target) => {
    await takeOver(target, job.owner, 'publish');
    await createLedger(target, job.owner, job.name);
    const { selected, withoutData } = (await readSelection(source, job.spec)).selection;
    const relations = selected.map((relation) => ({
      oid: relation.oid,
      qualified: relation.qualified,
      kind: relation.kind,
      isPartition: relation.partitionOf !== null,
      isLogged: relation.persistence === 'p',
      hasData: 'rp'.includes(relation.kind) && !withoutData.has(relation.oid),
      columns: '',
      isBinary: false,
      bytes: relation.bytes,
    }));
    await target.transaction(() => writeRelations(target, job.owner, relations));
    await storeFingerprint({ source, target }, { owner: job.owner, select: job.spec.select });
    return { tables: await countTables(target, job.owner) };
  });
}
