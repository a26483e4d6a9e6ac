/** Makes rows of the target as they are on the source, by COPY of exactly these keys; no value is read here. */
import { escapeLiteral } from 'pg';
import { messageOf } from '../classify-error.js';
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import { copyRows } from '../load/copy-rows.js';
import type { Session } from '../session.js';
import { takeOver } from '../take-over.js';
import { keysJoin, keyValues, lookUpRows, prepare } from './content.js';
import type { Ends, Hash } from './content.js';
import { whereOf } from './tables.js';
import type { ComparedTable } from './tables.js';
import type { FoundRow } from './tally.js';

export interface Repair {
  rows: FoundRow[];
  hash: Hash;
  /** What could not be mended, or only otherwise than apply would. */
  leaveOut: (table: string, why: string) => void;
}

/** Table by table, each in one transaction; returns how many are equal afterwards that were not before. */
export async function repairRows(job: Job, { rows, hash, leaveOut }: Repair): Promise<bigint> {
  const byTable = new Map<ComparedTable, string[][]>();
  for (const { table, key } of rows) byTable.set(table, [...(byTable.get(table) ?? []), key]);
  let mended = 0n;
  for (const [table, keys] of byTable) {
    try {
      mended += await withEnds(job, 'repair', (source, target) =>
        repairTable(job, { source, target }, { table, keys, hash, leaveOut }),
      );
    } catch (error) {
      job.signal?.throwIfAborted();
      leaveOut(table.qualified, `its rows could not be mended: ${messageOf(error)}`);
    }
  }
  return mended;
}

interface TableRepair extends Pick<Repair, 'hash' | 'leaveOut'> {
  table: ComparedTable;
  keys: string[][];
}

async function repairTable(
  job: Job,
  ends: Ends,
  { table, keys, hash, leaveOut }: TableRepair,
): Promise<bigint> {
  const { source, target } = ends;
  await takeOver(target, job.owner, 'repair');
  await Promise.all([prepare(source), prepare(target)]);
  const asApplied = await source.read(() =>
    target.transaction(async () => {
      const inRole = await asApply(target);
      await bringRows(job, ends, table, keys);
      await putRows(target, table, keys);
      return inRole;
    }),
  );
  if (!asApplied) leaveOut(table.qualified, IN_FORCE);
  const [here, there] = [
    await lookUpRows(source, { table, hash }, keys),
    await lookUpRows(target, { table, hash }, keys),
  ];
  const equal = keys
    .map((key) => JSON.stringify(key))
    .filter((id) => here.get(id)?.hash === there.get(id)?.hash);
  return BigInt(equal.length);
}

const IN_FORCE =
  'it was mended with its triggers and foreign keys in force, as the role may not set session_replication_role';

/** Triggers and keys do what they do when a lane applies. False where the role may not have it so. */
async function asApply(target: Session): Promise<boolean> {
  await target.query('SAVEPOINT role');
  try {
    await target.query(`SET LOCAL session_replication_role = replica`);
    return true;
  } catch {
    await target.query('ROLLBACK TO SAVEPOINT role');
    return false;
  }
}

const STAGE = 'pg_temp.pgtrek_rows';

/** COPY takes no parameters. */
function withLiterals(sql: string, values: string[][]): string {
  return sql.replace(/\$(\d+)::text\[\]/g, (_, n: string) => {
    const list = (values[Number(n) - 1] ?? []).map((value) => escapeLiteral(value)).join(', ');
    return `ARRAY[${list}]::text[]`;
  });
}

async function bringRows(
  job: Job,
  { source, target }: Ends,
  table: ComparedTable,
  keys: string[][],
): Promise<void> {
  const columns = table.columns.join(', ');
  const { from, where } = keysJoin(table);
  await target.query(
    `CREATE /* pgtrek: stage-rows */ TEMPORARY TABLE ${STAGE} ON COMMIT DROP AS
     SELECT ${columns} FROM ${table.from.target} WITH NO DATA`,
  );
  await copyRows({
    source,
    target,
    read: withLiterals(
      `COPY /* pgtrek: copy-rows-out */ (SELECT ${columns} FROM ${table.from.source}, ${from}${whereOf([where], table.filter)}) TO STDOUT`,
      keyValues(table, keys),
    ),
    write: `COPY /* pgtrek: copy-rows-in */ ${STAGE} (${columns}) FROM STDIN`,
    pace: undefined,
    onBytes: () => undefined,
    observer: job.servers.observer,
  });
}

/** What an UPDATE cannot set, values of GENERATED ALWAYS AS IDENTITY, is the same in both rows, or belongs to the key. */
async function putRows(target: Session, table: ComparedTable, keys: string[][]): Promise<void> {
  const { key = [], columns, settable, qualified } = table;
  const { from, where } = keysJoin(table);
  const same = (a: string, b: string) =>
    key
      .map(({ name, isPlain }) =>
        isPlain ? `${a}.${name} = ${b}.${name}` : `${a}.${name}::text = ${b}.${name}::text`,
      )
      .join(' AND ');
  await target.query(
    `DELETE /* pgtrek: mend-extra */ FROM ${table.from.target} AS pgtrek_t USING ${from}
     WHERE ${where}
       AND NOT EXISTS (SELECT FROM ${STAGE} s WHERE ${same('s', 'pgtrek_t')})`,
    keyValues(table, keys),
  );
  const names = new Set(key.map(({ name }) => name));
  const set = settable.filter((name) => !names.has(name));
  if (set.length > 0) {
    await target.query(
      `UPDATE /* pgtrek: mend-different */ ${table.from.target} AS pgtrek_t
       SET ${set.map((name) => `${name} = s.${name}`).join(', ')}
       FROM ${STAGE} s WHERE ${same('s', 'pgtrek_t')}`,
    );
  }
  const list = columns.join(', ');
  await target.query(
    `INSERT /* pgtrek: mend-missing */ INTO ${qualified} (${list}) OVERRIDING SYSTEM VALUE
     SELECT ${list} FROM ${STAGE} s
     WHERE NOT EXISTS (SELECT FROM ${table.from.target} AS pgtrek_t WHERE ${same('s', 'pgtrek_t')})`,
  );
}
