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
import { forgetTables, freeTables, selectCarried } from '../reverse/enter-carried.js';
import { isWayBack } from '../reverse/way-back.js';
import { readRelationNames, readSelection, rootOf, selectRelations } from '../selection.js';
import type { Selection } from '../selection.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';

/**
 * Catalog-first: what the ledger already holds is not entered again. Tables and fingerprint are of one snapshot. On the way
 * back they are those that lanes carry to the source, and are entered anew as long as no lane carries them back.
 */
export async function enterTables(job: Job): Promise<{ tables: number }> {
  return withEnds(job, 'publish', async (source, target) => {
    await takeOver(target, job.owner, 'publish');
    await createLedger(target, job.owner, job.name);
    if (await isWayBack(job, source)) {
      if (await freeTables(job, source, target))
        await enter(job, source, target, () => selectCarried(job, source));
    } else if (!(await hasRelations(target, job.owner))) {
      await enter(job, source, target, async () => (await readSelection(source, job.spec)).selection);
    }
    return { tables: await countTables(target, job.owner) };
  });
}

type Selected = Pick<Selection, 'selected' | 'withoutData'>;

async function enter(
  { owner, spec }: Job,
  source: Session,
  target: Session,
  select: () => Promise<Selected>,
): Promise<void> {
  const { relations, taken } = await source.read(async () => {
    const compared = selectRelations(await readRelationNames(source), spec.select).selected;
    return {
      relations: planRelations(await select(), spec.select),
      taken: await takeFingerprint(
        source,
        compared.map(({ oid }) => oid),
      ),
    };
  });
  const fingerprint = await forgetNewerDefinitions(source, taken);
  await target.transaction(async () => {
    if (await forgetTables(target, owner, relations)) await writeRelations(target, owner, relations);
    await writeFingerprint(target, owner, fingerprint);
  });
}

/** Columns matter to a copy only: the publication has those of the spec. */
function planRelations({ selected, withoutData }: Selected, select: Spec['select']): PlannedRelation[] {
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
