import { fileURLToPath } from 'node:url';

const isSource = import.meta.url.endsWith('.ts');

/** Arguments for Node: from source by tsx, which is found from the package's folder; from dist/ as it is. */
export function nodeArguments(): string[] {
  const main = fileURLToPath(new URL(`../cli/main.${isSource ? 'ts' : 'js'}`, import.meta.url));
  return isSource ? ['--import', 'tsx', main] : [main];
}

/** As a person writes it. */
export function writtenCommand(): string {
  return isSource ? 'npm run --silent pgtrek --' : 'pgtrek';
}
