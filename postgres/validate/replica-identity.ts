/**
 * A published table without a usable replica identity breaks the source's own application: its UPDATE and DELETE
 * fail from the moment that the publication exists.
 */
import type { Finding } from '../../contract/state.js';
import { copiesByServer } from '../lane/lane-names.js';
import type { Relation, Selection } from '../selection.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';

// T2: an identity is immediate, valid, unconditional and on NOT NULL columns. A generated column is not sent before 18.
const IDENTITIES_SQL = `
  SELECT /* pgtrek: validate replica identity */
    c.oid, c.relreplident AS kind,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate) AS deferrable,
    EXISTS (
      SELECT FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND a.attgenerated <> ''
      WHERE i.indrelid = c.oid
        AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
    ) AS generated,
    CASE c.relreplident
      WHEN 'f' THEN true
      WHEN 'd' THEN EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid)
      WHEN 'i' THEN EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid)
      ELSE false
    END AS identified,
    (
      SELECT format('%I', x.relname)
      FROM pg_index i
      JOIN pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL
        AND NOT EXISTS (
          SELECT FROM generate_series(0, i.indnkeyatts - 1) k
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
          WHERE NOT a.attnotnull OR a.attgenerated <> '')
      ORDER BY i.indisprimary DESC, i.indnkeyatts, x.relname
      LIMIT 1
    ) AS candidate
  FROM pg_class c
  WHERE c.oid = ANY ($1::oid[])`;

interface Identity {
  oid: number;
  /** pg_class.relreplident */
  kind: string;
  deferrable: boolean;
  generated: boolean;
  identified: boolean;
  candidate: string | null;
}

/** Tables that a lane replicates: partitioned ones and their leaves, as either may be named in what is sent. */
function replicatedTables({ selected, withoutData }: Selection): Relation[] {
  return selected.filter(
    ({ oid, kind, persistence }) =>
      (kind === 'r' || kind === 'p') && persistence === 'p' && !withoutData.has(oid),
  );
}

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
  /** Gives it an identity. */
  statement: string;
  /** Gives it the one that it had. */
  undo: string[];
}

/** Tables without a usable replica identity, and what gives them one. */
export async function findUnidentified(
  source: Session,
  tables: { oid: number; qualified: string }[],
): Promise<Unidentified[]> {
  const rows = await source.query<Identity & Record<string, unknown>>(IDENTITIES_SQL, [
    tables.map(({ oid }) => oid),
  ]);
  const identities = new Map(rows.map((row) => [row.oid, row]));
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
    fix: { on: end, statements: [statement], undo },
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
  { kind, candidate }: Identity,
): Pick<Unidentified, 'remedy' | 'statement' | 'undo'> {
  const statement = `ALTER TABLE ${qualified} REPLICA IDENTITY ${candidate === null ? 'FULL' : `USING INDEX ${candidate}`};`;
  return {
    statement,
    remedy:
      candidate === null
        ? `${statement} -- each UPDATE and DELETE then logs the whole old row, and may scan the table on the target. ` +
          `Better: ALTER TABLE ${qualified} ADD PRIMARY KEY (…); or leave it out by select.exclude.`
        : statement,
    undo: [`ALTER TABLE ${qualified} REPLICA IDENTITY ${kind === 'n' ? 'NOTHING' : 'DEFAULT'};`],
  };
}

// Above this, one sequential scan of the target for each change is slower than most sources write.
const LARGE_ROWS = 100_000;

export function checkFullIdentity({ selection, servers }: OnSource): Finding[] {
  const { source, target } = servers;
  const large = replicatedTables(selection).filter(
    ({ replicaIdentity, estimatedRows }) => replicaIdentity === 'f' && estimatedRows > LARGE_ROWS,
  );
  return capFindings(
    large.map(({ qualified, estimatedRows }) => ({
      id: `${source.end}.replica_identity_full`,
      scope: `${source.end}.table ${qualified}`,
      verdict: 'warn',
      why: `Table ${qualified} has REPLICA IDENTITY FULL and about ${Math.round(estimatedRows)} rows: each UPDATE and DELETE may scan the whole table on the ${target.end}.`,
      remedy: `ALTER TABLE ${qualified} ADD PRIMARY KEY (…); ALTER TABLE ${qualified} REPLICA IDENTITY DEFAULT;`,
    })),
  );
}

// Their rows are compared with =, which needs an operator class; such a type has none. A key on the target helps.
const INCOMPARABLE_SQL = `
  SELECT /* pgtrek: validate full identity types */
    format('%I.%I', n.nspname, c.relname) AS qualified,
    string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) AS columns
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.oid = ANY ($1::oid[])
    AND c.relreplident = 'f'
    AND a.atttypid = ANY (
      '{json,xml,point,lseg,path,box,polygon,line,circle}'::regtype[])
    AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid)
  GROUP BY n.nspname, c.relname
  ORDER BY 1`;

export async function checkIncomparableRows({ source, selection, servers }: OnSource): Promise<Finding[]> {
  const { end } = source.endpoint;
  const oids = replicatedTables(selection).map(({ oid }) => oid);
  const rows = await source.query<{ qualified: string; columns: string }>(INCOMPARABLE_SQL, [oids]);
  return capFindings(
    rows.map(({ qualified, columns }) => ({
      id: `${end}.replica_identity_types`,
      scope: `${end}.table ${qualified}`,
      verdict: 'block',
      why: `Table ${qualified} has REPLICA IDENTITY FULL and columns that cannot be compared (${columns}): the ${servers.target.end} cannot apply its UPDATEs and DELETEs.`,
      remedy: `ALTER TABLE ${qualified} ADD PRIMARY KEY (…); ALTER TABLE ${qualified} REPLICA IDENTITY DEFAULT;`,
    })),
  );
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
