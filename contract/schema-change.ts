/** The changes of a schema that pgtrek tells apart, and how it says them. Workflows import this file. */

/** What comes, goes, gets another name and other properties. `object`: operators, casts, languages and other rare ones. */
type ObjectKind =
  | 'schema'
  | 'extension'
  | 'type'
  | 'enum-value'
  | 'function'
  | 'table'
  | 'column'
  | 'constraint'
  | 'index'
  | 'view'
  | 'sequence'
  | 'trigger'
  | 'policy'
  | 'rule'
  | 'object';

export type ChangeKind =
  | `${ObjectKind}-${'added' | 'dropped' | 'renamed' | 'changed'}`
  | 'column-retyped'
  | `partition-${'attached' | 'detached' | 'rewritten'}`
  | 'owner-changed'
  | 'privileges-changed';

/** One difference between the schema that was dumped and the source's schema now. */
export interface SchemaChange {
  kind: ChangeKind;
  /** Quoted, as SQL names it: `public.orders.note` for a column, `orders_pkey ON public.orders` for a constraint. */
  object: string;
  /** The definition or name that was dumped, where it is short. */
  from?: string;
  /** The definition or name now, where it is short. */
  to?: string;
}

/** One line of plain words: `column public.orders.note: text → character varying(10)`. */
export function describeChange(change: SchemaChange): string {
  const { kind, from, to } = change;
  const at = kind.lastIndexOf('-');
  const [what, happened] = [kind.slice(0, at), kind.slice(at + 1)];
  const subject = subjectOf(what, change);
  switch (happened) {
    case 'added':
      return `${subject} was added${inBrackets(what, to)}`;
    case 'dropped':
      return `${subject} was dropped${inBrackets(what, from)}`;
    case 'renamed':
      return `${subject} was renamed to ${to ?? ''}`;
    case 'attached':
      return `${subject} was attached to ${to ?? 'its parent'}`;
    case 'detached':
      return `${subject} was detached from ${from ?? 'its parent'}`;
    case 'rewritten':
      return `${subject} was truncated or rewritten (VACUUM FULL, CLUSTER); if it was truncated, its old rows are still on the target`;
    default:
      if (from !== undefined && to !== undefined) return `${subject}: ${orNothing(from)} → ${orNothing(to)}`;
      return `${subject} ${what === 'privileges' ? 'were' : 'was'} changed`;
  }
}

function subjectOf(what: string, { object, from, to }: SchemaChange): string {
  // A value has no name of its own in SQL, and `object` tells itself what it is.
  if (what === 'enum-value') return `type ${object}: value ${from ?? to ?? ''}`;
  if (what === 'object') return object;
  return what === 'owner' || what === 'privileges' ? `${what} of ${object}` : `${what} ${object}`;
}

/** Where the name alone says little. */
const DEFINED = ['column', 'constraint', 'index', 'extension'];

function inBrackets(what: string, definition: string | undefined): string {
  return definition !== undefined && DEFINED.includes(what) ? ` (${definition})` : '';
}

function orNothing(definition: string): string {
  return definition === '' ? '(nothing)' : definition;
}
