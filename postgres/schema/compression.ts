/** How the files of the dump method are compressed: what is asked for, and what this pg_dump can do. */
import { execa } from 'execa';
import { PgtrekError } from '../../contract/errors.js';
import type { Spec } from '../../contract/spec.js';
import type { ClientTools } from '../client-tools.js';

export type Compression = Exclude<Spec['load']['compression'], 'auto'>;

/** From this major on pg_dump takes a method by its name. */
const NAMES_SINCE = 16;

/**
 * Throws TOOLS_MISSING for one that this pg_dump cannot do. auto: of 463 MB of rows, on two cores, pg_dump wrote 263 MB
 * with lz4 in half the time of 165 MB with gzip 1, and that in half the time of 156 MB with gzip 6, its own default.
 */
export async function chooseCompression(
  tools: ClientTools,
  wanted: Spec['load']['compression'],
): Promise<Compression> {
  if (wanted === 'auto') return (await can(tools, 'lz4')) ? 'lz4' : 'gzip';
  if (await can(tools, wanted)) return wanted;
  const old = tools.major < NAMES_SINCE;
  throw new PgtrekError(
    'TOOLS_MISSING',
    `${tools.pgDump} of PostgreSQL ${tools.major} cannot compress with ${wanted}: ${old ? 'only 16 and later can' : 'it was built without it'}.`,
    {
      object: tools.pgDump,
      remedy: `Set load.compression: auto, gzip or none${old ? '; or let PGTREK_PG_BIN name the folder of client tools of 16 or later' : ''}.`,
    },
  );
}

/** Gzip at its fastest: more levels cost twice the time for a twentieth of the size. */
export function compressionArgument({ major }: ClientTools, compression: Compression): string {
  if (compression === 'none') return '--compress=0';
  if (compression === 'gzip') return major < NAMES_SINCE ? '--compress=1' : '--compress=gzip:1';
  return `--compress=${compression}`;
}

/** Bytes of files for a byte of tables, with their TOAST: as measured on rows of text and numbers, and a little more. */
export const FILE_RATIO: Record<Compression, number> = { none: 1, gzip: 0.4, lz4: 0.6, zstd: 0.4 };

const known = new Map<string, Promise<boolean>>();

/** Asked once a process. */
function can({ pgDump, major }: ClientTools, compression: Compression): Promise<boolean> {
  if (compression === 'none' || compression === 'gzip') return Promise.resolve(true);
  if (major < NAMES_SINCE) return Promise.resolve(false);
  const key = `${pgDump} ${compression}`;
  const answer = known.get(key) ?? ask(pgDump, compression);
  known.set(key, answer);
  return answer;
}

/** It looks at its options before it connects, to where no server is; its complaint is then about one or the other. */
async function ask(pgDump: string, compression: Compression): Promise<boolean> {
  const { stderr } = await execa(
    pgDump,
    ['--no-password', '--format=custom', '--file=/dev/null', `--compress=${compression}`],
    { reject: false, stdin: 'ignore', env: { LC_ALL: 'C', PGHOST: '/nowhere' } },
  );
  return !/compress/.test(stderr);
}
