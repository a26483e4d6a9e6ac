/** Extensions whose library the server must load when it starts. */
import type { Finding } from '../../contract/findings.js';
import type { Session } from '../session.js';
import { capFindings } from './check.js';
import { parameterRemedy } from './parameter.js';

/** Where the library is named otherwise than its extension. */
const LIBRARIES: Record<string, string> = { pg_partman: 'pg_partman_bgw' };

/** They cannot even be made without it; others are made, and do nothing or fail when they are used. */
const REQUIRED = new Set(['timescaledb', 'citus', 'pg_cron', 'pgaudit', 'pg_net', 'pgsodium']);

// Only superusers and members of pg_read_all_settings see it.
const PRELOAD_SQL = `
  SELECT /* pgtrek: validate preload */
    (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS libraries,
    format('GRANT pg_read_all_settings TO %I;', current_user) AS remedy`;

interface Preload {
  libraries: string[] | undefined;
  remedy: string;
}

async function readPreload(session: Session): Promise<Preload> {
  const { libraries, remedy } = await session.one<{ libraries: string | null; remedy: string }>(PRELOAD_SQL);
  return { libraries: libraries?.split(',').map(nameLibrary).filter(Boolean), remedy };
}

/** It may be given with a folder and an ending. */
function nameLibrary(text: string): string {
  const file = text.trim().replaceAll('"', '').split('/').at(-1) ?? '';
  return file.replace(/\.(so|dylib|dll)$/, '');
}

export async function judgePreload(
  source: Session,
  target: Session,
  installed: string[],
): Promise<Finding[]> {
  const [from, to] = await Promise.all([readPreload(source), readPreload(target)]);
  const wanted = installed
    .map((name) => ({ name, library: LIBRARIES[name] ?? name }))
    .filter(({ name, library }) => from.libraries?.includes(library) ?? REQUIRED.has(name));
  if (wanted.length === 0) return [];
  const { libraries } = to;
  if (libraries === undefined)
    return [
      unseen(
        target,
        wanted.map(({ name }) => name),
        to.remedy,
      ),
    ];
  const missing = wanted.filter(({ library }) => !libraries.includes(library));
  if (missing.length === 0) return [];
  const value = [...libraries, ...missing.map(({ library }) => library)];
  const mend = await parameterRemedy(target, { name: 'shared_preload_libraries', value, restart: true });
  return capFindings(
    missing.map(({ name, library }) => ({
      id: 'target.preload',
      scope: `target.extension ${name}`,
      verdict: REQUIRED.has(name) ? 'block' : 'warn',
      why: `The source preloads ${library}, the library of its extension ${name}, and the target does not: ${REQUIRED.has(name) ? 'it cannot be made there' : 'it does not work there'}.`,
      ...mend,
    })),
  );
}

function unseen({ endpoint }: Session, names: string[], remedy: string): Finding {
  return {
    id: 'target.preload',
    scope: 'target',
    verdict: 'warn',
    why: `${endpoint.user} may not see shared_preload_libraries of the target, which ${names.join(', ')} of the source need.`,
    remedy,
  };
}
