import { formatDuration } from '../../cli/render/format.js';

/** Tells on one stream what the demo does. */
export interface Narrator {
  readonly stream: NodeJS.WriteStream;
  say: (lines: string[]) => void;
  /** One line: what is done now, and how long it took. */
  step: <T>(text: string, work: () => Promise<T>) => Promise<T>;
}

/** Beside a JSON document, which has stdout to itself, the telling goes to stderr. */
export function createNarrator({ json }: { json: boolean }): Narrator {
  const stream = json ? process.stderr : process.stdout;
  return {
    stream,
    say: (lines) => void stream.write(`${lines.join('\n')}\n`),
    step: async (text, work) => {
      stream.write(`${text} … `);
      const begun = performance.now();
      try {
        const result = await work();
        stream.write(`${formatDuration(performance.now() - begun)}\n`);
        return result;
      } catch (error) {
        stream.write('failed\n');
        throw error;
      }
    },
  };
}
