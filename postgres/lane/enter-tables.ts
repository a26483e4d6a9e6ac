/** Mode cdc: enters the tables that are replicated in the ledger, which no dump has done. */
import type { Spec } from '../../contract/spec.js';
import {
  forgetNewerDefinitions,
  takeFingerprint,
  writeFingerprint,
} from '../fingerprint/store-fingerprint.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { createLedger } from '../ledger/create-ledger.js';
import { countTables, hasRelations, writeRelations } from '../ledger/schema-plan.js';
import type { PlannedRelation } from '../ledger/schema-plan.js';
import { findPartialRelations } from '../partial-tables.js';
import { readRelationNames, readSelection, rootOf, selectRelations } from '../selection.js';
import type { Selection } from '../selection.js';
import { takeOver } from '../take-over.js';

/** Catalog-first: what the ledger already holds is not entered again. Tables and fingerprint are of one snapshot. */
export async function enterTables(job: Job): Promise<{ tables: number }> {
  return withEnds(job, 'publish', async (source, target) => {
    await takeOver(target, job.owner, 'publish');
    await createLedger(target, job.owner, job.name);
    if (!(await hasRelations(target, job.owner))) {
      const { relations, taken } = await source.read(async () => {
        const { selection } = await readSelection(source, job.spec);
        const compared = selectRelations(await readRelationNames(source), job.spec.select).selected;
        return {
          relations: planRelations(selection, job.spec.select),
          taken: await takeFingerprint(
            source,
            compared.map(({ oid }) => oid),
          ),
        };
      });
      const fingerprint = await forgetNewerDefinitions(source, taken);
      await target.transaction(async () => {
        await writeRelations(target, job.owner, relations);
        await writeFingerprint(target, job.owner, fingerprint);
      });
    }
    return { tables: await countTables(target, job.owner) };
  });
}

/** Columns matter to a copy only: the publication has those of the spec. */
function planRelations(
  { selected, withoutData }: Pick<Selection, 'selected' | 'withoutData'>,
  select: Spec['select'],
): PlannedRelation[] {
  const byOid = new Map(selected.map((relation) => [relation.oid, relation]));
  const partial = findPartialRelations(select, selected);
  return selected.map((relation) => ({
    oid: relation.oid,
    qualified: relation.qualified,
    kind: relation.kind,
    root: rootOf(relation, byOid),
    isLogged: relation.persistence === 'p',
    hasData: 'rp'.includes(relation.kind) && !withoutData.has(relation.oid),
    columns: '',
    isBinary: false,
    filter: partial.get(relation.oid)?.filter ?? '',
    bytes: relation.bytes,
    pages: relation.pages,
  }));
}
