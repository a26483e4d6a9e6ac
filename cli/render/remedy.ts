/** What mends something, so that its statements can be copied and run as they stand. Pure. */
import type { Finding } from '../../client/index.js';
import { plain, widthOf, wrapTo } from './text.js';

/** How a statement begins; prose names such words too, as in "each UPDATE and DELETE". */
const BEGIN = [
  '(?:ALTER|CREATE|DROP|REINDEX|SECURITY) [A-Z]{2,}',
  '(?:COMMENT ON|DELETE FROM|INSERT INTO|REFRESH MATERIALIZED|(?:COMMIT|ROLLBACK) PREPARED)',
  '(?:ANALYZE|CALL|GRANT|RESET|REVOKE|TRUNCATE|VACUUM) \\S',
  'SELECT [\\w.]+\\(',
  'SET [\\w.]+ (?:=|TO)',
  'UPDATE \\S+ SET',
].join('|');
// A semicolon within quotes ends nothing.
const REST = `(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])*`;
/** At the beginning of a line a statement may do without its semicolon; a command ends where the sentence goes on. */
const RUNNABLE = new RegExp(`^pgtrek [^,;]+|^(?:${BEGIN})${REST}(?:;|$)|(?<=\\s)(?:${BEGIN})${REST};`, 'g');

export interface Piece {
  text: string;
  /** A statement, or a command: never told in another way than it was written. */
  isRunnable: boolean;
}

export function splitRemedy(remedy: string): Piece[] {
  return remedy.split('\n').flatMap((line) => splitLine(plain(line)));
}

function splitLine(line: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: found, index } of line.matchAll(RUNNABLE)) {
    pieces.push({ text: line.slice(end, index), isRunnable: false }, { text: found, isRunnable: true });
    end = index + found.length;
  }
  pieces.push({ text: line.slice(end), isRunnable: false });
  return pieces
    .map(({ text, isRunnable }, n) => ({ text: n === 0 ? text.trim() : beginOf(text), isRunnable }))
    .filter(({ text }) => text !== '');
}

/** Text behind a statement does not begin with the sign that parted them. */
function beginOf(text: string): string {
  return text.trim().replace(/^[,;.]\s*/, '');
}

export interface RemedyOptions {
  width: number;
  indent: string;
  /** No line may be longer than the width, as on a screen that is drawn anew: then statements break between their words. */
  fits?: boolean;
  /** For statements. */
  paint?: (line: string) => string;
}

/** Statements on lines of their own and whole, however long; a comment behind one stays a comment on each of its lines. */
export function renderRemedy(
  remedy: string,
  { width, indent, fits = false, paint = (line) => line }: RemedyOptions,
): string[] {
  return splitRemedy(remedy).flatMap(({ text, isRunnable }, n) => {
    if (isRunnable) return (fits ? breakStatement(text, width, indent) : [indent + text]).map(paint);
    if (text.startsWith('--')) return wrapTo(text.slice(2), { width, indent: `${indent}-- ` });
    const lines = wrapTo(text, { width, indent: n === 0 ? `${indent}  ` : indent });
    return lines.map((line, index) => (n === 0 && index === 0 ? `${indent}→ ${line.trimStart()}` : line));
  });
}

/** Between words only, and never in quotes: pasted, it is the same statement. */
function breakStatement(statement: string, width: number, indent: string): string[] {
  const words = statement.match(/(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s'"]|['"])+/g) ?? [];
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined) lines.push(indent + word);
    else if (widthOf(line) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`${indent}  ${word}`);
  }
  return lines;
}

/** What comes with a remedy: `needs restart`, and that pgtrek can run it. */
export function notesOf({ restart, fix }: Finding): string[] {
  return [
    ...(restart ? ['needs restart'] : []),
    ...(fix ? [`pgtrek validate --fix can run this on the ${fix.on}`] : []),
  ];
}
