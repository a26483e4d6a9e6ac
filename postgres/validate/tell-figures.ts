/** Figures of estimates, as people say them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** In steps of 1024, with two digits that count: `3.4 GB`, `120 MB`. */
export function tellBytes(bytes: number): string {
  let value = roundAbout(bytes);
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    unit += 1;
    value = roundAbout(bytes / 1024 ** unit);
  }
  return `${value} ${UNITS[unit] ?? ''}`;
}

export function tellRate(bytesPerSecond: number): string {
  return `${tellBytes(bytesPerSecond)}/s`;
}

/** `40 s`, `12 min`, `3.5 h`. */
export function tellSeconds(seconds: number): string {
  if (seconds < 100) return `${roundAbout(seconds)} s`;
  if (seconds < 6_000) return `${roundAbout(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${roundAbout(seconds / 3_600)} h` : `${roundAbout(seconds / 86_400)} days`;
}

/** `1 table`, `3 tables`. */
export function tellMany(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Two digits: an estimate knows no more. */
export function roundAbout(value: number): number {
  return Number(value.toPrecision(2));
}
