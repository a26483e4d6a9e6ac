/**
 * A published table without a usable replica identity breaks the source's own application: its UPDATE and DELETE
 * fail from the moment that the publication exists.
 */
import type { Finding } from '../../contract/state.js';
import { copiesByServer } from '../lane/lane-names.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';
import { readIdentities, replicatedTables } from './identities.js';
import type { Identity } from './identities.js';

export async function checkReplicaIdentity({ source, selection }: OnSource): Promise<Finding[]> {
  const tables = replicatedTables(selection);
  const { end } = source.endpoint;
  const missing = (await findUnidentified(source, tables)).map((table) => tellMissing(table, end));
  if (missing.length > 0) return capFindings(missing);
  const why = `All ${tables.length} tables have a replica identity.`;
  return [{ id: `${end}.replica_identity`, scope: end, verdict: 'ok', why }];
}

export interface Unidentified {
  qualified: string;
  why: string;
  remedy: string;
  /** Gives it an identity; absent where only a new key does. */
  statement?: string;
  /** Gives it the one that it had. */
  undo: string[];
}

/** Tables without a usable replica identity, and what gives them one. */
export async function findUnidentified(
  source: Session,
  tables: { oid: number; qualified: string }[],
): Promise<Unidentified[]> {
  const identities = await readIdentities(
    source,
    tables.map(({ oid }) => oid),
  );
  return tables.flatMap(({ oid, qualified }) => {
    const identity = identities.get(oid);
    if (!identity || (identity.identified && !identity.generated)) return [];
    const why = `Table ${qualified} has no usable replica identity: ${reasonOf(identity)}. Once it is published, UPDATE and DELETE fail on the ${source.endpoint.end}.`;
    return [{ qualified, why, ...mend(qualified, identity) }];
  });
}

function tellMissing(
  { qualified, why, remedy, statement, undo }: Unidentified,
  end: 'source' | 'target',
): Finding {
  return {
    id: `${end}.replica_identity`,
    scope: `${end}.table ${qualified}`,
    verdict: 'block',
    why,
    remedy,
    ...(statement === undefined ? {} : { fix: { on: end, statements: [statement], undo } }),
  };
}

function reasonOf({ kind, deferrable, generated }: Identity): string {
  if (generated) return 'a column of its identity is generated, and generated columns are not sent';
  if (kind === 'n') return 'REPLICA IDENTITY is NOTHING';
  if (kind === 'i') return 'the index that it names is gone or invalid';
  return deferrable ? 'its primary key is DEFERRABLE' : 'it has no primary key';
}

function mend(
  qualified: string,
  { kind, chosen, candidate, incomparable }: Identity,
): Pick<Unidentified, 'remedy' | 'statement' | 'undo'> {
  const alter = `ALTER TABLE ${qualified}`;
  // Without its index, an identity is NOTHING.
  const before = kind === 'd' ? 'DEFAULT' : chosen === null ? 'NOTHING' : `USING INDEX ${chosen}`;
  const undo = [`${alter} REPLICA IDENTITY ${before};`];
  if (candidate !== null) {
    const statement = `${alter} REPLICA IDENTITY USING INDEX ${candidate};`;
    return { statement, remedy: statement, undo };
  }
  const key = `${alter} ADD PRIMARY KEY (…); or leave it out by select.exclude.`;
  if (incomparable !== null)
    return {
      remedy: `${key} REPLICA IDENTITY FULL would not do: whole rows cannot be compared by ${incomparable}.`,
      undo: [],
    };
  const statement = `${alter} REPLICA IDENTITY FULL;`;
  return {
    statement,
    remedy: `${statement} -- each UPDATE and DELETE then logs the whole old row, and may scan the table on the target. Better: ${key}`,
    undo,
  };
}

export function checkUnlogged({ selection, spec }: OnSource): Finding[] {
  const unlogged = selection.selected.filter(({ kind, persistence }) => kind === 'r' && persistence === 'u');
  if (unlogged.length === 0) return [];
  const names = unlogged.map(({ qualified }) => qualified);
  return [
    {
      id: 'source.unlogged',
      scope: 'source',
      verdict: 'warn',
      why: copiesByServer(spec)
        ? `Unlogged tables are not brought over: load.method native copies what a publication holds, and those it cannot: ${listNames(names)}.`
        : spec.mode === 'cdc'
          ? `Changes of unlogged tables are not replicated: ${listNames(names)}.`
          : `Unlogged tables are copied once, and no later change of them is replicated: ${listNames(names)}.`,
      remedy: names
        .map((name) => `ALTER TABLE ${name} SET LOGGED;`)
        .slice(0, 20)
        .join(' '),
    },
  ];
}
