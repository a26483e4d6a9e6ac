/** Tells on stderr what is measured now: the figures have stdout to themselves. */
import { formatDuration } from '../cli/render/format.js';

export interface Progress {
  say: (text: string) => void;
  /** Two lines: what begins, and how long it took. */
  step: <T>(text: string, work: () => Promise<T>) => Promise<T>;
}

export function createProgress(): Progress {
  const begun = performance.now();
  const say = (text: string) => {
    const minutes = Math.floor((performance.now() - begun) / 60_000);
    const seconds = Math.floor(((performance.now() - begun) % 60_000) / 1_000);
    process.stderr.write(`[${String(minutes).padStart(3)}:${String(seconds).padStart(2, '0')}] ${text}\n`);
  };
  return {
    say,
    step: async (text, work) => {
      say(`${text} …`);
      const since = performance.now();
      const result = await work();
      say(`${text}: ${formatDuration(performance.now() - since)}`);
      return result;
    },
  };
}
