import { formatBytes } from '../cli/render/format.js';
import type { Suite } from './hold-suite.js';
import type { Standings } from './standings.js';
import type { Run } from './verdict.js';

export interface Turns<Subject extends { name: string }> {
  standings: Standings<Subject>;
  runs: number;
  /** Of the progress lines: `mixed`. */
  label: string;
  run: (subject: Subject, round: number) => Promise<Run>;
}

/** Run 1 of all, then run 2 of all: a machine that becomes slower does so for all. A subject that fails is left out from then on. */
export async function takeTurns<Subject extends { name: string }>(
  { progress, signal }: Pick<Suite, 'progress' | 'signal'>,
  { standings, runs, label, run }: Turns<Subject>,
): Promise<void> {
  for (let round = 1; round <= runs; round++) {
    for (const subject of standings.present()) {
      const what = `${label}, run ${round} of ${runs}: ${subject.name}`;
      progress.say(`${what} …`);
      try {
        const done = await run(subject, round);
        standings.add(subject.name, done);
        progress.say(`${what}: ${describeRun(done)}`);
      } catch (error) {
        if (signal.aborted) throw error;
        standings.failures.set(subject.name, error instanceof Error ? error.message : String(error));
        progress.say(
          `${what}: failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
    }
  }
}

function describeRun({ seconds, measures, phases }: Run): string {
  const peak = measures['peak-memory'];
  const split = Object.entries(phases).map(([name, value]) => `${name} ${value.toFixed(1)}`);
  return [
    `${seconds.toFixed(1)} s${split.length === 0 ? '' : ` (${split.join(', ')})`}`,
    ...(peak === undefined ? [] : [`at most ${formatBytes(peak)}`]),
  ].join(', ');
}
