/** The cases of test/fixtures/apply: what is written to a source, and must come out equal on the target. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const FOLDER = fileURLToPath(new URL('../fixtures/apply', import.meta.url));

/**
 * When a section is run: before the migration; opened, right before its slot is made, and closed, while the slot waits;
 * during replication; stopped, after the marker.
 */
export type Moment = 'before' | 'opened' | 'closed' | 'during' | 'stopped';

export interface ApplyCase {
  /** Its file's, and the name of its schema with _ for -. */
  name: string;
  sections: Map<Moment, string[]>;
}

/** A file has sections, `-- ## during`; a paragraph of it is one query, so what has a COMMIT of its own stands alone. */
export async function readApplyCases(): Promise<ApplyCase[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => ({
      name: path.basename(file, '.sql'),
      sections: sectionsOf(await readFile(path.join(FOLDER, file), 'utf8')),
    })),
  );
}

function sectionsOf(text: string): ApplyCase['sections'] {
  const [, ...parts] = text.split(/^-- ## (\w+)\n/m);
  const sections: ApplyCase['sections'] = new Map();
  for (let n = 0; n < parts.length; n += 2) {
    const queries = (parts[n + 1] ?? '').split(/\n{2,}/).filter((query) => query.trim() !== '');
    sections.set(parts[n] as Moment, queries);
  }
  return sections;
}

/** One session a case, in its schema; the cases one after the other. */
export async function runApplyCases(
  source: pg.ClientConfig,
  cases: ApplyCase[],
  moment: Moment,
): Promise<void> {
  for (const { name, sections } of cases) {
    const schema = pg.escapeIdentifier(name.replaceAll('-', '_'));
    const client = new pg.Client(source);
    client.on('error', () => undefined);
    await client.connect();
    try {
      if (moment === 'before') await client.query(`CREATE SCHEMA ${schema}`);
      await client.query(`SET search_path = ${schema}`);
      for (const query of sections.get(moment) ?? []) await runQuery(client, { name, query });
    } finally {
      await client.end();
    }
  }
}

async function runQuery(client: pg.Client, { name, query }: { name: string; query: string }): Promise<void> {
  try {
    await client.query(query);
  } catch (error) {
    throw new Error(`${name}: ${query}`, { cause: error });
  }
}
