/** What pg_restore tells of the entries that it could not restore, read from its messages (12 and later). */

export interface RestoreError {
  /** How the entry's line in the list of contents begins; undefined where it was busy with none. */
  entry: string | undefined;
  /** What the server said, with its detail and hint. */
  message: string;
  /** All of it, with the function that it happened in. */
  whole: string;
}

const ENTRY = /^pg_restore: from TOC entry (\d+; \d+ \d+) /;
const ERROR = /^pg_restore: error: (?:could not execute query: )?(?:ERROR: +)?(.*)$/;
const FURTHER = /^(?:DETAIL|HINT): +(.*)$/;

export function parseRestoreErrors(stderr: string): RestoreError[] {
  const errors: RestoreError[] = [];
  let entry: string | undefined;
  let current: RestoreError | undefined;
  for (const line of stderr.split('\n')) {
    entry = ENTRY.exec(line)?.[1] ?? entry;
    const [, message] = ERROR.exec(line) ?? [];
    if (message !== undefined) {
      current = { entry, message, whole: message };
      errors.push(current);
    } else if (line.startsWith('Command was:') || line.startsWith('pg_restore: ')) {
      current = undefined;
    } else if (current) {
      current.whole += `\n${line}`;
      const [, further] = FURTHER.exec(line) ?? [];
      if (further !== undefined) current.message += ` ${further}`;
    }
  }
  return errors;
}
