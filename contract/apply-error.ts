/** How a change that cannot be applied is told. Pure: workflows import it. */
import type { ApplyError } from './state.js';

const AN: Record<ApplyError['operation'], string> = {
  insert: 'an insert into',
  update: 'an update of',
  delete: 'a delete from',
  truncate: 'a truncate of',
};

/** `an insert into public.orders (id = 7)` */
export function describeFailing({
  operation,
  table,
  key,
}: Pick<ApplyError, 'operation' | 'table' | 'key'>): string {
  return `${AN[operation]} ${table}${key === undefined ? '' : ` (${key})`}`;
}

export function changesOf(count: number): string {
  return count === 1 ? '1 change' : `${String(count)} changes`;
}
