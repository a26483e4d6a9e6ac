/** Objects of an earlier run of this name: they are never adopted. */
import { lanePattern } from '../../contract/names.js';
import type { Finding } from '../../contract/state.js';
import { SCHEMA_COMMENT } from '../ledger/create-ledger.js';
import { readOwnObjects } from '../own-objects.js';
import type { OwnObject } from '../own-objects.js';
import type { Session } from '../session.js';
import type { OnSource, OnTarget } from './check.js';
import { listNames } from './check.js';

export function checkSourceLeftovers({ source, spec, owner }: OnSource): Promise<Finding[]> {
  return findLeftovers(source, spec.name, owner);
}

export function checkTargetLeftovers({ target, spec, owner }: OnTarget): Promise<Finding[]> {
  return findLeftovers(target, spec.name, owner);
}

export function checkSourceSchema({ source }: OnSource): Promise<Finding[]> {
  return checkSchema(source);
}

export function checkTargetSchema({ target }: OnTarget): Promise<Finding[]> {
  return checkSchema(target);
}

const SCHEMA_SQL = `
  SELECT /* pgtrek: validate own schema */ obj_description(oid, 'pg_namespace') AS comment
  FROM pg_namespace WHERE nspname = 'pgtrek'`;

/** Ours carries our comment; anybody else's is neither used nor dropped. */
async function checkSchema(session: Session): Promise<Finding[]> {
  const { end } = session.endpoint;
  const [schema] = await session.query<{ comment: string | null }>(SCHEMA_SQL);
  if (!schema || schema.comment === SCHEMA_COMMENT) return [];
  return [
    {
      id: `${end}.schema_pgtrek`,
      scope: `${end}.schema pgtrek`,
      verdict: 'block',
      why: `The ${end} has a schema pgtrek that pgtrek did not make, and needs one of this name.`,
      remedy: 'ALTER SCHEMA pgtrek RENAME TO something_else;',
    },
  ];
}

async function findLeftovers(session: Session, name: string, owner: string | undefined): Promise<Finding[]> {
  const { end } = session.endpoint;
  const objects = await readOwnObjects(session, name);
  const foreign = objects.filter(
    // What --fix has run before is wanted.
    ({ kind, owner: its }) => kind !== 'schema' && kind !== 'fix' && (owner === undefined || its !== owner),
  );
  if (foreign.length === 0) {
    return [
      {
        id: 'leftovers',
        scope: end,
        verdict: 'ok',
        why: `The ${end} has nothing of an earlier migration ${name}.`,
      },
    ];
  }
  return [
    {
      id: 'leftovers',
      scope: end,
      // The database of a rehearsal stands in nobody's way.
      verdict: foreign.every(({ kind }) => kind === 'rehearsal') ? 'warn' : 'block',
      why: `The ${end} still has objects of another run of ${name}: ${listNames(foreign.map(tell), 8)}.`,
      remedy: 'pgtrek orphans -f spec.yaml --remove',
    },
  ];
}

function tell({ kind, name, owner }: OwnObject): string {
  return `${kind} ${name} (${owner === undefined ? 'owner unknown' : `run ${owner}`})`;
}

const OTHER_SLOTS_SQL = `
  SELECT /* pgtrek: validate other slots */ slot_name::text AS slot, database::text AS database
  FROM pg_replication_slots
  WHERE slot_name ~ $1 AND database IS DISTINCT FROM current_database()
  ORDER BY 1`;

/** Slot names are unique in a cluster, and a migration of another database may have taken this one's. */
export async function checkOtherSlots({ source, spec }: OnSource): Promise<Finding[]> {
  const rows = await source.query<{ slot: string; database: string | null }>(OTHER_SLOTS_SQL, [
    lanePattern(spec.name),
  ]);
  const [first] = rows;
  if (!first) return [];
  const { end } = source.endpoint;
  return [
    {
      id: `${end}.slot_name`,
      scope: `${end}.slot ${first.slot}`,
      verdict: 'block',
      why: `Slot ${first.slot} exists in another database (${first.database ?? 'none'}) of the ${end}'s server, where slot names are unique.`,
      remedy: `SELECT pg_drop_replication_slot('${first.slot}'); -- if nothing uses it; or use another name than ${spec.name}`,
    },
  ];
}
