import { readFileSync } from 'node:fs';

/** Of pgtrek itself. package.json is one folder up in a checkout and two in dist/. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string })
        .version;
    } catch {
      // Not there: the other one is.
    }
  }
  return 'unknown';
}
