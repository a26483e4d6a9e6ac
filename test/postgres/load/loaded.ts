/** A migration whose rows are in: tables on both ends, keys and indexes on the source alone, known to the ledger. */
import { parseSpec } from '../../../contract/spec.js';
import type { SpecInput } from '../../../contract/spec.js';
import { takeFingerprint } from '../../../postgres/fingerprint/store-fingerprint.js';
import { withEnds, withTarget } from '../../../postgres/job.js';
import type { Job } from '../../../postgres/job.js';
import { createLedger } from '../../../postgres/ledger/create-ledger.js';
import { writeSchema } from '../../../postgres/ledger/schema-plan.js';
import { readForeignKeys, readIndexes } from '../../../postgres/schema/read-definitions.js';
import { readRelations, rootOf } from '../../../postgres/selection.js';
import type { Session } from '../../../postgres/session.js';
import type { Databases, Pair } from '../pair.js';

export interface Loaded {
  job: Job;
  databases: Databases;
  /** The ledger's id of a table, by its name as SQL writes it. */
  idOf: (qualified: string) => number;
}

export interface LoadedOptions {
  /** Run on both ends: tables, and rows. */
  tables: string;
  /** Run on the source alone. */
  keys: string;
  spec?: Partial<SpecInput>;
}

export async function loadedMigration(
  pair: Pair,
  { tables, keys, spec = {} }: LoadedOptions,
): Promise<Loaded> {
  const databases = await pair.newDatabases();
  await databases.run('source', tables);
  await databases.run('target', tables);
  await databases.run('source', keys);
  const job = jobOf(databases, spec);
  const ids = await withEnds(job, 'test', async (source, target) => {
    await createLedger(target, job.owner, job.name);
    await fillLedger(job.owner, source, target);
    return readIds(target, job.owner);
  });
  const idOf = (qualified: string) => {
    const id = ids.get(qualified);
    if (id === undefined) throw new Error(`no table ${qualified}`);
    return id;
  };
  return { job, databases, idOf };
}

export function jobOf({ name, servers }: Databases, spec: Partial<SpecInput> = {}): Job {
  return {
    name: 'build',
    owner: `owner-of-${name}`,
    spec: parseSpec({
      name: 'build',
      source: { host: 'a', database: 'a', user: 'a' },
      target: { host: 'b', database: 'b', user: 'b' },
      ...spec,
    }),
    servers,
    dataDir: '/nowhere',
  };
}

async function fillLedger(owner: string, source: Session, target: Session): Promise<void> {
  const relations = (await readRelations(source)).filter(({ kind }) => 'rpm'.includes(kind));
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const oids = relations.map(({ oid }) => oid);
  await writeSchema(target, owner, {
    archive: Buffer.alloc(0),
    clientMajor: 0,
    entries: [],
    relations: relations.map((relation) => ({
      ...relation,
      root: rootOf(relation, byOid),
      isLogged: true,
      hasData: true,
      columns: '',
      isBinary: false,
      filter: '',
    })),
    indexes: await readIndexes(
      source,
      relations.filter(({ kind }) => kind === 'r').map(({ oid }) => oid),
    ),
    foreignKeys: await readForeignKeys(source, oids),
    fingerprint: await source.transaction(
      () => takeFingerprint(source, oids),
      'BEGIN ISOLATION LEVEL REPEATABLE READ',
    ),
  });
  await target.query(
    `UPDATE pgtrek.relation SET lane = 'pgtrek_build_1' WHERE owner = $1 AND kind IN ('r', 'p')`,
    [owner],
  );
  await target.query(
    `INSERT INTO pgtrek.copied (owner, lane, relation, part, rows, bytes)
     SELECT owner, 'pgtrek_build_1', id, 0, 0, 0 FROM pgtrek.relation WHERE owner = $1 AND kind = 'r'`,
    [owner],
  );
}

async function readIds(target: Session, owner: string): Promise<Map<string, number>> {
  const rows = await target.query<{ id: number; qualified: string }>(
    'SELECT id, qualified FROM pgtrek.relation WHERE owner = $1',
    [owner],
  );
  return new Map(rows.map(({ id, qualified }) => [qualified, id]));
}

export interface LedgerState {
  qualified: string;
  is_indexed: boolean;
  is_analyzed: boolean;
}

/** Of all relations, by name. */
export function ledgerOf({ job }: Loaded): Promise<LedgerState[]> {
  return withTarget(job, 'test', (target) =>
    target.query<LedgerState & Record<string, unknown>>(
      'SELECT qualified, is_indexed, is_analyzed FROM pgtrek.relation WHERE owner = $1 ORDER BY qualified',
      [job.owner],
    ),
  );
}

/** Indexes, constraints, what they are used for and said to be; of the users' schemas. */
const DEFINITIONS_SQL = `
  SELECT pg_get_indexdef(i.indexrelid) || concat(
      ' | identity ', i.indisreplident, ', clustered ', i.indisclustered, ', targets ',
      (SELECT string_agg(concat(a.attnum, '=', a.attstattarget), ',') FROM pg_attribute a
        WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0),
      ', needs ',
      (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.deptype = 'x'),
      ', comment ', obj_description(i.indexrelid, 'pg_class')) AS line
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^(pg_|pgtrek|information_schema)'
  UNION ALL
  SELECT concat(k.conrelid::regclass, ' ', quote_ident(k.conname), ' ', pg_get_constraintdef(k.oid), ' | valid ',
    k.convalidated, ', comment ', obj_description(k.oid, 'pg_constraint'))
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
  WHERE k.contype IN ('p', 'u', 'x', 'f') AND n.nspname !~ '^(pg_|pgtrek|information_schema)'
  ORDER BY 1`;

export async function definitionsOf({ databases }: Loaded, end: 'source' | 'target'): Promise<string[]> {
  return (await databases.run(end, DEFINITIONS_SQL)).map(({ line }) => String(line));
}
