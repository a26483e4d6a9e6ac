/** Mode cdc: the slot and the publication that were given, and the tables that must be on the target already. */
import type { Finding, Fix } from '../../contract/findings.js';
import { compareLsn } from '../../contract/names.js';
import { BY_NAME } from '../named-tables.js';
import { findPartialTables } from '../partial-tables.js';
import { givenStart } from '../lane/lane-names.js';
import type { OnBoth, OnSource } from './check.js';
import { capFindings, listNames } from './check.js';

interface GivenSlot {
  plugin: string | null;
  database: string | null;
  confirmed: string | null;
  active_pid: number | null;
  temporary: boolean;
  wal_status: string | null;
}

const SLOT_SQL = `
  SELECT /* pgtrek: validate given slot */ plugin::text AS plugin, database::text AS database,
    confirmed_flush_lsn::text AS confirmed, active_pid, temporary, to_jsonb(s)->>'wal_status' AS wal_status
  FROM pg_replication_slots s WHERE slot_name = $1`;

export async function checkGivenSlot({ source, spec }: OnSource): Promise<Finding[]> {
  const given = givenStart(spec);
  if (!given) return [];
  const [slot] = await source.query<GivenSlot & Record<string, unknown>>(SLOT_SQL, [given.slot]);
  const fault = slot
    ? faultOf(slot, { database: spec.source.database, lsn: given.lsn })
    : 'does not exist on the source';
  const finding = { id: 'source.start_slot', scope: `source.slot ${given.slot}` };
  if (fault === undefined)
    return [{ ...finding, verdict: 'ok', why: `Slot ${given.slot} stands at ${slot?.confirmed ?? ''}.` }];
  return [
    {
      ...finding,
      verdict: 'block',
      why: `Slot ${given.slot}, which cdc.start names, ${fault}.`,
      remedy: 'Mend that on the source, or name another slot (or a later LSN) in cdc.start and start again.',
    },
  ];
}

function faultOf(slot: GivenSlot, wanted: { database: string; lsn: string | undefined }): string | undefined {
  if (slot.plugin !== 'pgoutput')
    return `uses ${slot.plugin ?? 'no plugin'}, and a subscription reads pgoutput only`;
  if (slot.database !== wanted.database) return `is of database ${slot.database ?? ''}`;
  if (slot.temporary) return 'is temporary';
  if (slot.wal_status === 'lost') return 'is lost: the source has removed WAL that it needs';
  if (slot.active_pid !== null) return `is in use by pid ${String(slot.active_pid)}`;
  if (wanted.lsn !== undefined && slot.confirmed !== null && compareLsn(slot.confirmed, wanted.lsn) > 0)
    return `stands at ${slot.confirmed}, past ${wanted.lsn}: what lies between is not kept for it`;
  return undefined;
}

const PUBLICATION_SQL = `
  SELECT /* pgtrek: validate given publication */ pubinsert, pubupdate, pubdelete, puballtables,
    pg_has_role(current_user, pubowner, 'USAGE') AS owned,
    format('ALTER PUBLICATION %I OWNER TO %I;', pubname, current_user) AS "giveOwner",
    format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'');', pubname) AS "sendAll",
    format('ALTER PUBLICATION %I SET (publish = %L);', pubname, concat_ws(', ', CASE WHEN pubinsert THEN 'insert' END,
      CASE WHEN pubupdate THEN 'update' END, CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END
    )) AS "sendAsBefore"
  FROM pg_publication WHERE pubname = $1`;

interface GivenPublication {
  pubinsert: boolean;
  pubupdate: boolean;
  pubdelete: boolean;
  puballtables: boolean;
  owned: boolean;
  giveOwner: string;
  sendAll: string;
  sendAsBefore: string;
}

/** Markers are inserted rows of our journal, which joins the publication. */
export async function checkGivenPublication({ source, spec }: OnSource): Promise<Finding[]> {
  const name = givenStart(spec)?.publication;
  if (name === undefined) return [];
  const [found] = await source.query<GivenPublication & Record<string, unknown>>(PUBLICATION_SQL, [name]);
  const finding = { id: 'source.start_publication', scope: `source.publication ${name}` };
  const block = (why: string, remedy: string): Finding => ({ ...finding, verdict: 'block', why, remedy });
  if (!found)
    return [
      block(`The source has no publication ${name}.`, 'Name the publication of the slot in cdc.start.'),
    ];
  const { sendAll, sendAsBefore } = found;
  const fix: Fix = { on: 'source', statements: [sendAll], undo: [sendAsBefore] };
  if (!found.pubinsert) {
    const why = `Publication ${name} does not publish inserts, and so no marker at which to stop.`;
    return [{ ...block(why, sendAll), fix }];
  }
  if (!found.puballtables && !found.owned) {
    const why = `The journal must join publication ${name}, which only its owner may change.`;
    return [block(why, found.giveOwner)];
  }
  if (!found.pubupdate || !found.pubdelete) {
    const why = `Publication ${name} publishes only a part of the changes; the rest never comes.`;
    return [{ ...finding, verdict: 'warn', why, remedy: sendAll, fix }];
  }
  return [{ ...finding, verdict: 'ok', why: `Publication ${name} sends every change.` }];
}

const SOURCE_COLUMNS_SQL = `
  SELECT /* pgtrek: validate source columns */ format('%I.%I', n.nspname, c.relname) AS table,
    array_agg(a.attname::text ORDER BY a.attnum) AS columns,
    array_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum) AS definitions
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  WHERE c.oid = ANY ($1::oid[])
  GROUP BY 1 ORDER BY 1`;

const TARGET_COLUMNS_SQL = `
  SELECT /* pgtrek: validate target columns */ t.name AS table,
    array_remove(array_agg(a.attname::text), NULL) AS columns
  FROM unnest($1::text[]) AS t (name)
    LEFT JOIN ${BY_NAME}
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  GROUP BY 1`;

interface Columns {
  table: string;
  columns: string[];
}

interface Defined extends Columns {
  /** Of each column: its name and type, as ADD COLUMN takes them. */
  definitions: string[];
}

/** Apply goes by names: every table, and every column of it, must be there. */
export async function checkTargetTables({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  const tables = selection.selected.filter(
    ({ kind, partitionOf }) => kind === 'p' || (kind === 'r' && partitionOf === null),
  );
  const wanted = await source.query<Defined & Record<string, unknown>>(SOURCE_COLUMNS_SQL, [
    tables.map(({ oid }) => oid),
  ]);
  const there = await target.query<Columns & Record<string, unknown>>(TARGET_COLUMNS_SQL, [
    wanted.map(({ table }) => table),
  ]);
  const partial = new Map(
    [...findPartialTables(spec.select, tables)].map(([{ qualified }, { columns }]) => [qualified, columns]),
  );
  const known = new Map(there.map(({ table, columns }) => [table, new Set(columns)]));
  const { end } = target.endpoint;
  const findings = wanted.flatMap((defined) =>
    missingIn(defined, {
      travelling: partial.get(defined.table) ?? defined.columns,
      known: known.get(defined.table),
      from: source.endpoint.end,
      to: end,
    }),
  );
  if (findings.length > 0) return capFindings(findings);
  return [{ id: `${end}.tables`, scope: end, verdict: 'ok', why: `The ${end} has every table and column.` }];
}

function missingIn(
  { table, columns, definitions }: Defined,
  {
    travelling,
    known,
    from,
    to,
  }: { travelling: string[]; known: Set<string> | undefined; from: string; to: string },
): Finding[] {
  const finding = { id: `${to}.tables`, scope: `${to}.table ${table}`, verdict: 'block' as const };
  if (!known || known.size === 0)
    return [
      {
        ...finding,
        why: `The ${to} has no table ${table}; mode cdc brings changes only.`,
        remedy:
          'Create it there with the rows that it had at the start, leave it out (select.exclude), or use mode full-load-and-cdc.',
      },
    ];
  const missing = travelling.filter((column) => !known.has(column));
  if (missing.length === 0) return [];
  const adding = definitions
    .filter((_, i) => missing.includes(columns[i] ?? ''))
    .map((definition) => `ADD COLUMN ${definition}`);
  return [
    {
      ...finding,
      why: `${table} of the ${to} lacks columns of the ${from}: ${listNames(missing)}.`,
      remedy: `ALTER TABLE ${table} ${adding.join(', ')}; -- on the ${to}, and fill them as they are on the ${from}`,
    },
  ];
}
