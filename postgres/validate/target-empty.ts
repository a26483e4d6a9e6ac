/** Nothing of the target may stand where the restore makes something. */
import { escapeIdentifier } from 'pg';
import type { Finding } from '../../contract/state.js';
import { readRelations } from '../selection.js';
import type { Relation } from '../selection.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { listNames } from './check.js';

const KIND_WORDS: Record<Relation['kind'], string> = {
  r: 'TABLE',
  p: 'TABLE',
  v: 'VIEW',
  m: 'MATERIALIZED VIEW',
  S: 'SEQUENCE',
  f: 'FOREIGN TABLE',
};

// Types and routines of users; one of an extension comes and goes with it.
const OBJECTS_SQL = `
  SELECT /* pgtrek: validate target objects */ o.kind, o.name
  FROM (
    SELECT CASE WHEN t.typtype = 'd' THEN 'DOMAIN' ELSE 'TYPE' END AS kind, t.oid::regtype::text AS name,
      t.typnamespace AS schema, 'pg_type'::regclass AS class, t.oid
    FROM pg_type t
    WHERE t.typtype IN ('e', 'd', 'r')
       OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, p.pronamespace, 'pg_proc'::regclass, p.oid
    FROM pg_proc p
    -- The constructors of a range type are made and dropped with it.
    WHERE NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
  ) o
  JOIN pg_namespace n ON n.oid = o.schema
  WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgtrek')
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
  ORDER BY o.name`;

interface Named {
  /** As DROP says it. */
  kind: string;
  name: string;
}

export async function checkTargetEmpty({ source, target, selection }: OnBoth): Promise<Finding[]> {
  const present = [
    ...(await readRelations(target, 'recorded')).map(nameRelation),
    ...(await readObjects(target)),
  ];
  const { database } = target.endpoint;
  if (present.length === 0) {
    const why = `Database ${database} of the target is empty.`;
    return [{ id: 'target.empty', scope: 'target', verdict: 'ok', why }];
  }
  const wanted = [...selection.selected.map(nameRelation), ...(await readObjects(source))];
  const wantedNames = new Set(wanted.map(({ name }) => name));
  const colliding = present.filter(({ name }) => wantedNames.has(name));
  const others = present.filter(({ name }) => !wantedNames.has(name));
  return [...tellCollisions(colliding, database), ...tellOthers(others, database)];
}

function nameRelation({ kind, qualified }: Relation): Named {
  return { kind: KIND_WORDS[kind], name: qualified };
}

function readObjects(session: Session): Promise<Named[]> {
  return session.query<Named & Record<string, unknown>>(OBJECTS_SQL);
}

/** More than a person drops one by one are told at once: as a rule they are all of an earlier attempt. */
const TOLD_ONE_BY_ONE = 10;

function tellCollisions(colliding: Named[], database: string): Finding[] {
  if (colliding.length <= TOLD_ONE_BY_ONE) return colliding.map((object) => tellCollision(object, database));
  const names = colliding.map(({ kind, name }) => `${kind} ${name}`);
  const quoted = escapeIdentifier(database);
  return [
    {
      id: 'target.empty',
      scope: 'target',
      verdict: 'block',
      why: `${colliding.length} objects that the migration would make exist on the target (database ${database}) already: ${listNames(names)}.`,
      remedy: `DROP DATABASE ${quoted}; CREATE DATABASE ${quoted}; -- only if nothing of it is needed, from another database; or use an empty target database`,
      more: colliding.length - 1,
    },
  ];
}

function tellCollision({ kind, name }: Named, database: string): Finding {
  return {
    id: 'target.empty',
    scope: `target.${kind.toLowerCase().replaceAll(' ', '_')} ${name}`,
    verdict: 'block',
    why: `${kind} ${name} exists on the target (database ${database}) already, and the migration would make it.`,
    remedy: `DROP ${kind} ${name} CASCADE; -- or use an empty target database`,
  };
}

function tellOthers(others: Named[], database: string): Finding[] {
  if (others.length === 0) return [];
  return [
    {
      id: 'target.others',
      scope: 'target',
      verdict: 'warn',
      why: `Database ${database} of the target holds ${others.length} objects that are not part of the migration: ${listNames(others.map(({ kind, name }) => `${kind} ${name}`))}. They stay as they are.`,
      remedy: 'Use an empty target database, unless they belong there.',
    },
  ];
}
