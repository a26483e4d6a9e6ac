/** Sizes of the spec, written as PostgreSQL's settings have them. */

const UNITS = { kB: 1024n, MB: 1024n ** 2n, GB: 1024n ** 3n, TB: 1024n ** 4n };

/** `256MB` in bytes. The spec's schema has checked the form. */
export function parseSize(text: string): bigint {
  const [, number = '0', unit = 'kB'] = /^(\d+)(kB|MB|GB|TB)$/.exec(text) ?? [];
  return BigInt(number) * UNITS[unit as keyof typeof UNITS];
}
