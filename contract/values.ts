/** Plain values that specs and messages share, as text. Pure. */

/** A time without a zone would mean another moment on another machine, so the zone is required. */
export function isIsoTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}

/** A position in the write-ahead log, such as 16/B374D848. */
export function isLsn(text: string): boolean {
  return /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i.test(text);
}

const UNITS = { ms: 1, s: 1_000, min: 60_000 } as const;

/** Milliseconds of a span such as 500ms, 5s or 2min; undefined for anything else. */
export function millisecondsOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,6})(ms|s|min)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit as keyof typeof UNITS];
}

const SIZES = { kB: 1, MB: 2, GB: 3, TB: 4 } as const;

/** Bytes of a size such as 256MB, in PostgreSQL's units of 1024; undefined for anything else. */
export function bytesOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})(kB|MB|GB|TB)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * 1024 ** SIZES[unit as keyof typeof SIZES];
}
