/** What a check is given, and what it says. Every check reads only; what must be tried is rolled back. */
import type { Spec } from '../../contract/spec.js';
import type { Finding, Mode } from '../../contract/state.js';
import type { Servers } from '../endpoint.js';
import type { Relation, Selection } from '../selection.js';
import type { Session } from '../session.js';

interface Asked {
  spec: Spec;
  servers: Servers;
  /** The owner whose objects are no leftovers. */
  owner: string | undefined;
  /** What earlier checks found. */
  found: readonly Finding[];
}

export interface OnSource extends Asked {
  source: Session;
  relations: Relation[];
  selection: Selection;
}

export interface OnTarget extends Asked {
  target: Session;
}

export interface OnBoth extends OnSource, OnTarget {}

/** What there is to check; an end that cannot be used is absent. */
export interface Facts {
  source: OnSource | undefined;
  target: OnTarget | undefined;
}

export type Check = { modes: readonly Mode[] } & (
  | { on: 'source'; run: (facts: OnSource) => Finding[] | Promise<Finding[]> }
  | { on: 'target'; run: (facts: OnTarget) => Finding[] | Promise<Finding[]> }
  | { on: 'both'; run: (facts: OnBoth) => Finding[] | Promise<Finding[]> }
);

// As many as a person mends by hand before validating again; a state holds 100 findings in all.
const TOLD_ONE_BY_ONE = 20;
const NAMED_OF_THE_REST = 10;

/** Keeps the first 20 findings of one kind, and says in one more how many others there are. */
export function capFindings(findings: Finding[]): Finding[] {
  const told = findings.slice(0, TOLD_ONE_BY_ONE);
  const rest = findings.slice(TOLD_ONE_BY_ONE);
  const [first] = rest;
  if (!first) return told;
  const named = rest.slice(0, NAMED_OF_THE_REST).map(({ scope }) => scope.replace(/^\S+ /, ''));
  const { id, scope, verdict } = first;
  const last: Finding = {
    id,
    scope: scope.split('.')[0] ?? scope,
    verdict,
    why: `${rest.length} more are found so: ${named.join(', ')}${rest.length > named.length ? ', …' : ''}.`,
    remedy: 'Mend them as the ones above.',
    more: rest.length,
  };
  return [...told, last];
}

/** `a, b, c and 12 more` */
export function listNames(names: string[], limit = 5): string {
  const rest = names.length - limit;
  return rest > 0 ? `${names.slice(0, limit).join(', ')} and ${rest} more` : names.join(', ');
}
