/** Fitting text into lines. A line may hold colour codes; they take no width. */

const COLOUR_CODE = /\u001b\[\d+m/g;
// Names and messages come from databases, and could steer the terminal.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

/** Text from outside, on one line and without control characters. */
export function plain(text: string): string {
  return text.replace(CONTROL, ' ').trim();
}

export function widthOf(line: string): number {
  return [...line.replace(COLOUR_CODE, '')].length;
}

export function padTo(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - widthOf(line)));
}

/** Cuts a line to the width and ends it with `…`; colour codes stay whole. */
export function cutTo(line: string, width: number): string {
  if (widthOf(line) <= width) return line;
  let left = Math.max(0, width - 1);
  let cut = '';
  for (const [piece] of line.matchAll(/\u001b\[\d+m|./gsu)) {
    const isCode = piece.startsWith('\u001b');
    if (isCode || left > 0) cut += piece;
    if (!isCode) left--;
    if (left === 0 && !cut.endsWith('…')) {
      cut += '…';
      left = -1;
    }
  }
  return cut;
}

/** Puts parts on lines, with ` · ` between them; breaks between parts only. */
export function flowTo(
  parts: string[],
  { width, indent = '' }: { width: number; indent?: string },
): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const line = lines.at(-1);
    const longer = `${line ?? ''} · ${part}`;
    if (line !== undefined && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(indent + part);
  }
  return lines;
}

/** Breaks text at spaces, so that nothing of it is lost; newlines in it are kept. */
export function wrapTo(text: string, { width, indent = '' }: { width: number; indent?: string }): string[] {
  const room = Math.max(10, width - indent.length);
  return text.split('\n').flatMap((line) => wrapLine(plain(line), room).map((part) => indent + part));
}

function wrapLine(line: string, room: number): string[] {
  const parts: string[] = [];
  let rest = line;
  while (rest.length > room) {
    const space = rest.lastIndexOf(' ', room);
    const end = space > 0 ? space : room;
    parts.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...parts, rest];
}
