import { readFile } from 'node:fs/promises';

/** The last lines of a text file; empty when there is no such file. */
export async function readTail(path: string, lines: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
