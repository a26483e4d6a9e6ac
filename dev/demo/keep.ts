import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { SpecInput } from '../../client/index.js';
import { writtenCommand } from '../pgtrek-command.js';
import { connectionUrl, createDatabase, DATABASE } from './servers.js';
import type { DemoServers } from './servers.js';

const AGAIN = `${DATABASE}_again`;

/** Prepares a second migration for the visitor to start, and says what there is to look at. */
export async function describeKept(
  servers: DemoServers,
  own: { spec: SpecInput; folder: string; uiUrl: string },
): Promise<string[]> {
  const { source, target, temporal } = servers;
  await createDatabase(target, AGAIN);
  const file = join(own.folder, 'again.yaml');
  await writeFile(file, stringify(specAgain(own.spec)));
  const pgtrek = writtenCommand();
  return [
    '',
    'Everything is left running, the writer and the worker too.',
    '',
    `  Web UI   ${own.uiUrl}`,
    `  source   psql ${connectionUrl(source.connection(DATABASE))}`,
    `  target   psql ${connectionUrl(target.connection(DATABASE))}`,
    '',
    'Try, in another terminal, a migration that follows the writer until you stop it:',
    '',
    `  export TEMPORAL_ADDRESS=${temporal.address}`,
    `  ${pgtrek} start -f ${file}`,
    `  ${pgtrek} status again --watch`,
    `  ${pgtrek} stop again --now`,
    `  psql ${connectionUrl(target.connection(AGAIN))}`,
    '',
    'Ctrl-C ends and removes everything.',
  ];
}

function specAgain(spec: SpecInput): SpecInput {
  return {
    ...spec,
    name: 'again',
    target: { ...spec.target, database: AGAIN },
    cdc: { stop: { never: true } },
  };
}
