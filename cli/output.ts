/** What the terminal can show. */
export interface Terminal {
  width: number;
  colour: boolean;
}

const LOG_WIDTH = 120;
const NARROWEST = 40;

/** https://no-color.org; FORCE_COLOR as Node itself reads it. */
export function terminalOf(stream: NodeJS.WriteStream = process.stdout): Terminal {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const colour = NO_COLOR ? false : FORCE_COLOR ? FORCE_COLOR !== '0' : stream.isTTY === true;
  return { width: Math.max(NARROWEST, stream.isTTY ? stream.columns : LOG_WIDTH), colour };
}

export function printJson(document: unknown): void {
  console.log(JSON.stringify(document));
}

export function printLines(lines: string[]): void {
  if (lines.length > 0) console.log(lines.join('\n'));
}
