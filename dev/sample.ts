import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';

export interface SampleOptions {
  /** Multiplies the big tables. 1 (default) gives 25,000 rows in 16 MB, 1000 about 3 GB. */
  factor?: number;
}

// A name of the sample may not depend on the search_path that a role or database has by default.
const PREPARE_SESSION = `
  SELECT set_config('dvd.factor', $1, false),
    set_config('search_path', 'public', false),
    set_config('client_min_messages', 'warning', false)`;

/** Fills an existing, empty UTF8 database with examples/dvdrental, in one transaction. */
export async function fillSample(
  connection: ClientConfig,
  { factor = 1 }: SampleOptions = {},
): Promise<void> {
  const scripts = await readScripts();
  const client = new Client({ application_name: 'pgtrek sample', ...connection });
  await client.connect();
  try {
    await client.query(PREPARE_SESSION, [String(factor)]);
    await client.query('BEGIN');
    for (const script of scripts) await client.query(script);
    await client.query('COMMIT');
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}

async function readScripts(): Promise<string[]> {
  const folder = join(findPackageRoot(), 'examples', 'dvdrental');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
}

/** From dev/ in a checkout and from dist/dev/ in an installed package. */
function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error('no package.json above dev/sample: cannot find examples/dvdrental');
    folder = parent;
  }
  return folder;
}
