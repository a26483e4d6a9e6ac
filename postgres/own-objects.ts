/** Finds the objects of ours in one database, by their names, and whose they are. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { PGTREK_SCHEMA, ddlTriggerName, lanePattern } from '../contract/names.js';
import { dropDdlTriggerSql } from './lane/ddl-trigger.js';
import { readFixes, undoByHand } from './fixes/record.js';
import { SCHEMA_COMMENT, hasLedger } from './ledger/create-ledger.js';
import { dropScratchSql, findScratches } from './rehearsal/scratch-database.js';
import type { Session } from './session.js';

export interface OwnObject {
  end: 'source' | 'target';
  kind:
    | 'subscription'
    | 'event-trigger'
    | 'slot'
    | 'publication'
    | 'journal'
    | 'ledger'
    | 'rehearsal'
    | 'fix'
    | 'schema';
  /** A lane's name; for a ledger the migration's name; for event triggers their function's; for a rehearsal its database's; `orders/3` is a fix of migration orders. */
  name: string;
  /** First run id of the workflow that made it; undefined when no mark is left. */
  owner: string | undefined;
  /** SQL for people, to be run on that end. */
  remove: string;
}

const ANY_LANE = '^pgtrek_.*_[0-9]+$';

type Found = { name: string; owner: string | null };

/** Objects of one migration, or of all, in the order in which they are removed. */
export async function readOwnObjects(session: Session, migration?: string): Promise<OwnObject[]> {
  const pattern = migration === undefined ? ANY_LANE : lanePattern(migration);
  const triggers = migration === undefined ? '^pgtrek_.*_ddl$' : `^${ddlTriggerName(migration)}$`;
  const { end } = session.endpoint;
  const found: OwnObject[] = [];
  const add = (kind: Removable['kind'], rows: Found[]) =>
    found.push(
      ...rows.map(({ name, owner }) => {
        const object = { end, kind, name, owner: owner ?? undefined };
        return { ...object, remove: removalOf(object, session.version) };
      }),
    );
  add('subscription', await readSubscriptions(session, pattern));
  add('event-trigger', await session.query<Found>(DDL_FUNCTIONS_SQL, [triggers]));
  add('slot', await session.query<Found>(SLOTS_SQL, [pattern]));
  add('publication', await session.query<Found>(PUBLICATIONS_SQL, [pattern]));
  add('journal', await session.query<Found>(JOURNALS_SQL, [pattern]));
  const isLedgerThere = await hasLedger(session);
  if (isLedgerThere) add('ledger', await session.query<Found>(LEDGERS_SQL, [migration ?? null]));
  if (end === 'target') add('rehearsal', await findScratches(session, migration));
  found.push(...(await readFixObjects(session, migration)));
  add('schema', await readEmptySchema(session, isLedgerThere));
  return found;
}

/** What a comment `pgtrek owner=…` says, as SQL. */
const ownerIn = (comment: string) => `substring(${comment} FROM '^pgtrek owner=(.+)$')`;

// A slot and, before 14, a subscription has no mark that everybody may read: it is its journal's.
const OWNER_OF_JOURNAL = (name: string) =>
  ownerIn(`obj_description(to_regclass(format('${PGTREK_SCHEMA}.%I', ${name})), 'pg_class')`);

const subscriptionsSql = (owner: string) => `
  SELECT /* pgtrek: find subscriptions */ s.subname::text AS name, ${owner} AS owner
  FROM pg_subscription s
  WHERE s.subname ~ $1 AND s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  ORDER BY 1`;

/** Before 14 only a superuser may read a subscription's oid, by which its comment is found. */
function readSubscriptions(session: Session, pattern: string): Promise<Found[]> {
  const owner =
    session.version >= 140000
      ? `coalesce(${ownerIn(`obj_description(s.oid, 'pg_subscription')`)}, ${OWNER_OF_JOURNAL('s.subname')})`
      : OWNER_OF_JOURNAL('s.subname');
  return session.query<Found>(subscriptionsSql(owner), [pattern]);
}

const DDL_FUNCTIONS_SQL = `
  SELECT /* pgtrek: find event triggers */ p.proname::text AS name,
    ${ownerIn(`obj_description(p.oid, 'pg_proc')`)} AS owner
  FROM pg_proc p
  WHERE p.pronamespace = to_regnamespace('${PGTREK_SCHEMA}') AND p.prorettype = 'event_trigger'::regtype
    AND p.proname ~ $1
  ORDER BY 1`;

// Slots of other databases belong to migrations of other databases, whose journals cannot be seen from here.
const SLOTS_SQL = `
  SELECT /* pgtrek: find slots */ s.slot_name::text AS name, ${OWNER_OF_JOURNAL('s.slot_name')} AS owner
  FROM pg_replication_slots s
  WHERE s.slot_name ~ $1 AND s.database = current_database()
  ORDER BY 1`;

const PUBLICATIONS_SQL = `
  SELECT /* pgtrek: find publications */ p.pubname::text AS name,
    ${ownerIn(`obj_description(p.oid, 'pg_publication')`)} AS owner
  FROM pg_publication p
  WHERE p.pubname ~ $1
  ORDER BY 1`;

const JOURNALS_SQL = `
  SELECT /* pgtrek: find journals */ c.relname::text AS name, ${ownerIn(`obj_description(c.oid, 'pg_class')`)} AS owner
  FROM pg_class c
  WHERE c.relnamespace = to_regnamespace('${PGTREK_SCHEMA}') AND c.relkind = 'r' AND c.relname ~ $1
  ORDER BY 1`;

const LEDGERS_SQL = `
  SELECT /* pgtrek: find migrations */ name, owner
  FROM pgtrek.migration
  WHERE $1::text IS NULL OR name = $1
  ORDER BY 1, 2`;

/** They belong to a name: whoever runs or ran under it. */
async function readFixObjects(session: Session, migration: string | undefined): Promise<OwnObject[]> {
  const fixes = await readFixes(session, migration);
  return fixes.map((fix) => ({
    end: session.endpoint.end,
    kind: 'fix',
    name: `${fix.migration}/${fix.id}`,
    owner: undefined,
    remove: undoByHand(fix),
  }));
}

const UNUSED_SCHEMA_SQL = `
  SELECT /* pgtrek: find unused schema */ n.nspname::text AS name, NULL AS owner
  FROM pg_namespace n
  WHERE n.nspname = '${PGTREK_SCHEMA}' AND obj_description(n.oid, 'pg_namespace') = '${SCHEMA_COMMENT}'
    AND NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname ~ '${ANY_LANE}')`;

/** The schema when no migration uses it: without journals, and without rows in the ledger or of fixes. */
async function readEmptySchema(session: Session, isLedgerThere: boolean): Promise<Found[]> {
  if (isLedgerThere && (await session.query(`SELECT FROM pgtrek.migration LIMIT 1`)).length > 0) return [];
  return (await readFixes(session)).length > 0 ? [] : session.query<Found>(UNUSED_SCHEMA_SQL);
}

type Removable = Omit<OwnObject, 'remove' | 'kind'> & { kind: Exclude<OwnObject['kind'], 'fix'> };

function removalOf({ kind, name, owner }: Removable, version: number): string {
  const quoted = escapeIdentifier(name);
  switch (kind) {
    case 'subscription':
      return `ALTER SUBSCRIPTION ${quoted} DISABLE; ALTER SUBSCRIPTION ${quoted} SET (slot_name = NONE); DROP SUBSCRIPTION ${quoted};`;
    case 'event-trigger':
      return `${dropDdlTriggerSql(name)};`;
    case 'slot':
      return `SELECT pg_drop_replication_slot(${escapeLiteral(name)});`;
    case 'publication':
      return `DROP PUBLICATION ${quoted};`;
    case 'journal':
      return `DROP TABLE ${PGTREK_SCHEMA}.${quoted};`;
    case 'ledger':
      return `DELETE FROM ${PGTREK_SCHEMA}.migration WHERE owner = ${escapeLiteral(owner ?? '')};`;
    case 'rehearsal':
      return `${dropScratchSql(name, version)};`;
    case 'schema':
      return `DROP SCHEMA ${PGTREK_SCHEMA} CASCADE;`;
  }
}
