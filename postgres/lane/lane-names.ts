/** What a lane uses on the source: objects of its own name, or those that mode cdc was given. */
import type { LaneName } from '../../contract/names.js';
import type { Spec } from '../../contract/spec.js';

/** A slot and a publication that were there before pgtrek, and stay when it is gone. */
export type GivenStart = Exclude<Spec['cdc']['start'], 'now'>;

export function givenStart({ mode, cdc }: Spec): GivenStart | undefined {
  return mode === 'cdc' && cdc.start !== 'now' ? cdc.start : undefined;
}

export function slotOf(spec: Spec, lane: LaneName): string {
  return givenStart(spec)?.slot ?? lane;
}

export function publicationOf(spec: Spec, lane: LaneName): string {
  return givenStart(spec)?.publication ?? lane;
}

/** How many lanes share the tables, at most. A spec that an older version completed does not say. */
export function lanesOf({ mode, cdc }: Spec): number {
  const { lanes } = cdc as Partial<Spec['cdc']>;
  return mode === 'full-load' ? 1 : (lanes ?? 1);
}

/** The server copies the rows, table by table, as part of the subscription. */
export function copiesByServer({ mode, load }: Spec): boolean {
  return mode === 'full-load-and-cdc' && load.method === 'native';
}

/** After a cutover changes are to flow back. A spec that an older version completed does not say. */
export function flowsBack({ mode, cutover }: Spec): boolean {
  return mode !== 'full-load' && (cutover as Partial<Spec['cutover']> | undefined)?.reverse === true;
}
