/** Round values for the axes of charts. Pure. */

/** From 0 to the first that is not below `most`; 3 to 5 of them. */
export function ticksOfValue(most: number, base: 10 | 2): number[] {
  const step = roundStep(Math.max(most, 1) / 3, base);
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < most || ticks.length < 3) ticks.push(ticks.length * step);
  return ticks;
}

/** 1, 2 or 5 of a decimal power; of bytes, a power of two. */
function roundStep(rough: number, base: 10 | 2): number {
  if (base === 2) return 2 ** Math.max(0, Math.ceil(Math.log2(rough)));
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10;
  return Math.max(1, factor * power);
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 7, 14, 30].map((n) => n * DAY),
];

/** As many as a wide page has room for. */
const TIMES = 7;

/** UTC; of a long time with the day. */
export function ticksOfTime(from: number, to: number): { at: number; text: string }[] {
  if (to <= from) return [{ at: from, text: clock(from, SECOND, SECOND) }];
  const step = STEPS.find((each) => (to - from) / each <= TIMES) ?? 90 * DAY;
  const ticks: { at: number; text: string }[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step)
    ticks.push({ at, text: clock(at, step, to - from) });
  return ticks;
}

function clock(at: number, step: number, span: number): string {
  const iso = new Date(at).toISOString();
  const [day, time] = [iso.slice(5, 10), iso.slice(11)];
  if (step >= DAY) return day;
  if (span > DAY) return `${day} ${time.slice(0, 5)}`;
  if (step >= MINUTE) return time.slice(0, 5);
  return step >= SECOND ? time.slice(0, 8) : time.slice(0, 10);
}
