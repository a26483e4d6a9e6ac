/** Draws frames of lines over one another on a terminal. */
export interface LiveScreen {
  /** Each line must fit the width. */
  draw(lines: string[]): void;
}

const ESCAPE = '\u001b[';

/** Plain cursor-up and clear: nothing stays hidden or changed when the process dies between two frames. */
export function createLiveScreen(stream: NodeJS.WriteStream = process.stdout): LiveScreen {
  let drawn = 0;
  return {
    draw: (lines) => {
      // What scrolled off the top cannot be drawn over.
      const shown = lines.slice(0, Math.max(1, (stream.rows || Number.POSITIVE_INFINITY) - 1));
      const up = drawn > 0 ? `${ESCAPE}${drawn}A\r` : '';
      const body = shown.map((line) => `${line}${ESCAPE}K\n`).join('');
      stream.write(`${up}${body}${ESCAPE}J`);
      drawn = shown.length;
    },
  };
}
