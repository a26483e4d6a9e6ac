/** Large objects: whether they travel, and what is on either end. */
import { PgtrekError } from '../../contract/errors.js';
import type { Spec } from '../../contract/spec.js';
import type { Session } from '../session.js';

/** What is asked for, with the default of the mode: their changes are not replicated, so only a full load copies them unasked. */
export function largeObjectsOf({ mode, select }: Spec): 'copy' | 'block' | 'skip' {
  return select.largeObjects ?? (mode === 'full-load' ? 'copy' : 'block');
}

const COUNT_SQL = `
  SELECT /* pgtrek: count-large-objects */ count(*)::int AS objects FROM pg_largeobject_metadata`;

/** Readable for everybody, which pg_largeobject is not. */
export async function countLargeObjects(session: Session): Promise<number> {
  return (await session.one<{ objects: number }>(COUNT_SQL)).objects;
}

/** True when the load has large objects to copy. */
export async function hasLargeObjects(source: Session, spec: Spec): Promise<boolean> {
  return largeObjectsOf(spec) === 'copy' && (await countLargeObjects(source)) > 0;
}

/** Oids that one query carries. */
const PAGE = 10_000;

// A ledger that an older version made has no such table, and before the dump there is none.
const LEDGER_SQL = `
  SELECT /* pgtrek: find-large-objects */ to_regclass('pgtrek.large_object') IS NOT NULL AS found`;

function otherSql(hasLedger: boolean): string {
  return `
    SELECT /* pgtrek: list-other-large-objects */ m.oid
    FROM pg_largeobject_metadata m
    WHERE m.oid > $1 AND ${
      hasLedger
        ? 'NOT EXISTS (SELECT FROM pgtrek.large_object l WHERE l.owner = $2 AND l.oid = m.oid)'
        : '$2::text IS NOT NULL'
    }
    ORDER BY m.oid LIMIT ${PAGE}`;
}

const SHARED_SQL = `
  SELECT /* pgtrek: list-shared-large-objects */ oid FROM pg_largeobject_metadata
  WHERE oid = ANY ($1::oid[]) ORDER BY oid`;

/** Oids of the source's large objects that the target has too, and not from this owner's migration. */
export async function findTaken(source: Session, target: Session, owner: string): Promise<number[]> {
  const { found } = await target.one<{ found: boolean }>(LEDGER_SQL);
  const taken: number[] = [];
  for (let last = 0; ;) {
    const page = oidsOf(await target.query<{ oid: number }>(otherSql(found), [last, owner]));
    if (page.length > 0) taken.push(...oidsOf(await source.query<{ oid: number }>(SHARED_SQL, [page])));
    last = page.at(-1) ?? last;
    if (page.length < PAGE) return taken;
  }
}

export function oidsOf(rows: { oid: number }[]): number[] {
  return rows.map(({ oid }) => oid);
}

/** LARGE_OBJECT_EXISTS for objects of the target that are not ours. */
export function takenError(oids: number[]): PgtrekError {
  return new PgtrekError('LARGE_OBJECT_EXISTS', tellTaken(oids), {
    object: `large object ${String(oids[0])}`,
    remedy: unlinkRemedy(oids),
  });
}

export function tellTaken(oids: number[]): string {
  return `${oids.length} large objects of the source have the number of one that the target has already, and that this migration did not make: ${listOids(oids)}.`;
}

/** More are taken away with the whole database. */
const TOLD_IN_FULL = 100;

export function unlinkRemedy(oids: number[]): string {
  const list = oids.slice(0, TOLD_IN_FULL).join(', ');
  const others = oids.length > TOLD_IN_FULL ? ', and so on for all of them' : '';
  return `SELECT lo_unlink(o) FROM unnest(ARRAY[${list}]::oid[]) o; -- on the target, if nothing needs them${others}; or use an empty target database`;
}

/** `1, 2, 3, 4, 5 and 12 more` of `count`. */
export function listOids(oids: number[], count = oids.length): string {
  const rest = count - 5;
  return `${oids.slice(0, 5).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
