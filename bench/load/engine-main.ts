/** The program of pgtrek-engine: one full load by the order of its parent, which then looks at what this process has used. */
import { loadWithoutTemporal } from './engine.js';
import type { EngineOrder } from './engine.js';

/** What it says: when it can begin, and how it ended. */
export type EngineWord = 'ready' | { phases: Record<string, number> } | { error: string };

const givenUp = new AbortController();
process.once('disconnect', () => givenUp.abort());
process.once('SIGTERM', () => {
  givenUp.abort();
  if (process.connected) process.disconnect();
});
process.once('message', (order: EngineOrder) => {
  void loadWithoutTemporal(order, givenUp.signal).then(
    (phases) => say({ phases }),
    (error: unknown) =>
      say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
say('ready');

function say(word: EngineWord): void {
  if (process.connected) process.send?.(word);
}
