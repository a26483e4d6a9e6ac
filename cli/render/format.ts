/** Numbers and times as people read them. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Steps of 1024, as pg_size_pretty counts: `512 B`, `1.2 GB`. Accepts the decimal strings of the contract. */
export function formatBytes(bytes: string | number): string {
  let value = Math.max(0, Number(bytes) || 0);
  let unit = 0;
  // 1023.96 would be printed as 1024.
  while (value >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** Bytes a second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `12,345,678`; a string may pass 2^53. */
export function formatCount(count: string | number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `3 tables`, `1 table`. */
export function formatMany(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `180 ms`, `1.2 s`, `2 m 10 s`, `3 h 12 m`, `5 d 3 h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A whole percentage; 100 only when all is done. */
export function formatPercent(fraction: number): string {
  const percent = fraction >= 1 ? 100 : Math.min(99, Math.floor(Math.max(0, fraction) * 100));
  return `${percent} %`;
}

/** `2026-12-01 02:00:00 UTC`; the text itself if it is no time. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `02:00:00` on the day of `now`, else with the date. UTC. */
export function formatClock(iso: string, now: Date): string {
  const time = formatTime(iso);
  const today = now.toISOString().slice(0, 10);
  return time.startsWith(today) ? time.slice(11, 19) : time.replace(' UTC', '');
}
