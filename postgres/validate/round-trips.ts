/** The time to a server and back: the shortest statement of all that were made. */
import type { Observer } from '../endpoint.js';

export interface RoundTrips {
  /** Of one session, whose statements follow one another. */
  observer: Observer;
  /** Infinity where there was no statement. */
  shortestMs: () => number;
}

export function timeRoundTrips(observer: Observer | undefined): RoundTrips {
  let begun = 0;
  let shortest = Number.POSITIVE_INFINITY;
  return {
    observer: async (moment, tag) => {
      if (moment === 'after') shortest = Math.min(shortest, performance.now() - begun);
      await observer?.(moment, tag);
      begun = performance.now();
    },
    shortestMs: () => shortest,
  };
}
