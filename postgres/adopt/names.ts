/** Takes quoted names apart, as format('%I.%I') makes them. */

/** Its parts, still quoted. */
export function partsOf(name: string): string[] {
  return name.match(/"(?:[^"]|"")*"|[^".]+/g) ?? [];
}

/** `public.orders.note` → `public.orders` and `note`. */
export function splitLast(name: string): { outer: string; own: string } {
  const parts = partsOf(name);
  return { outer: parts.slice(0, -1).join('.'), own: parts.at(-1) ?? '' };
}

/** `orders_pkey ON public.orders` → both. */
export function splitOn(name: string): { own: string; table: string } {
  const [, own = '', table = ''] = /^("(?:[^"]|"")*"|[^" ]+) ON (.*)$/.exec(name) ?? [];
  return { own, table };
}
