/** Compares what both schemas hold, object by object, by the names that SQL has for them. */
import type { SchemaChange } from '../../contract/schema-change.js';
import { findChanged } from '../fingerprint/compare-items.js';
import { isWanted } from '../fingerprint/find-drift.js';
import { matchItems } from '../fingerprint/match-items.js';
import { readItems } from '../fingerprint/read-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { Job } from '../job.js';
import { readRelationNames, selectRelations } from '../selection.js';
import type { RelationName } from '../selection.js';
import type { Session } from '../session.js';
import type { Ends } from './content.js';
import { rewriteAsTarget } from './rewrite-definitions.js';
import { readFurtherItems, readFurtherDefinitions } from './further-items.js';
import { matching } from './tables.js';
import type { NotCompared } from './tables.js';

export interface SchemasCompared {
  /** From the source to the target: `dropped` is on the source alone, `added` on the target alone. The first 50. */
  changes: SchemaChange[];
  total: number;
  notCompared: NotCompared[];
}

const TOLD = 50;

export async function compareSchemas(
  job: Job,
  ends: Ends,
  patterns: string[] | undefined,
): Promise<SchemasCompared> {
  const read = (session: Session) => readSchema(session, job, patterns);
  const [source, target] = [await read(ends.source), await read(ends.target)];
  const majors = { source: majorOf(ends.source), target: majorOf(ends.target) };
  const before = source.items.map((item) => withoutVersion(item, majors));
  const after = target.items.map((item) => withoutVersion(item, majors));
  const rewritten = await rewriteAsTarget(ends.target, before, after);
  const changes = findChanged(rewritten, after, matchItems(rewritten, after))
    .map(({ change }) => change)
    .filter((change) => isWanted(change, job.spec));
  const notCompared = source.complete && target.complete ? [] : [INCOMPLETE];
  return { changes: changes.slice(0, TOLD), total: changes.length, notCompared };
}

const INCOMPLETE = {
  table: 'schema',
  why: 'somebody held what a definition needs: views, defaults and the like were compared by name alone',
};

function majorOf({ version }: Session): number {
  return Math.floor(version / 10_000);
}

async function readSchema(
  session: Session,
  job: Job,
  patterns: string[] | undefined,
): Promise<{ items: SchemaItem[]; complete: boolean }> {
  const names = await readRelationNames(session);
  const byOid = new Map<number, RelationName>(names.map((name) => [name.oid, name]));
  const wanted = matching(patterns);
  const { selected } = selectRelations(names, job.spec.select);
  const counts = new Set(
    selected
      .filter((relation) => {
        const table = relation.ownedBy === null ? undefined : byOid.get(relation.ownedBy);
        return wanted(relation, byOid) || (table !== undefined && wanted(table, byOid));
      })
      .map(({ oid }) => oid),
  );
  const all = patterns === undefined || patterns.length === 0;
  return session.read(async () => {
    const { items, complete } = await readItems(session, null);
    const definitions = await readFurtherDefinitions(session);
    const further = await readFurtherItems(session);
    const told = byNames([...items, ...further], definitions);
    return { items: told.filter(({ rel }) => (rel === 0 ? all : counts.has(rel))), complete };
  });
}

/** Oids mean nothing on another server: names take their place in ids, containers and facts. */
function byNames(items: SchemaItem[], definitions: Map<string, string>): SchemaItem[] {
  const ids = new Map(items.map((item) => [item.id, idByName(item)]));
  const tables = new Map(items.filter(({ kind }) => kind === 'table').map(({ id, name }) => [id, name]));
  return items.map((item) => {
    const definition = item.definition ?? definitions.get(idByName(item)) ?? null;
    // The facts of a partition begin with its parent.
    const parent = item.kind === 'partition' ? `${tables.get(`table/${firstFact(item)}/0`) ?? ''}|` : '|';
    return {
      ...item,
      id: idByName(item),
      container: ids.get(item.container) ?? item.container,
      label: item.kind === 'column' ? item.label : item.name,
      known: item.name,
      raw: `${parent}${definition ?? ''}`,
      definition,
    };
  });
}

function firstFact({ raw }: SchemaItem): string {
  return raw.slice(0, raw.indexOf('|'));
}

function idByName({ kind, name, definition }: SchemaItem): string {
  return `${kind}/${name}${kind === 'enum-value' ? ` ${definition ?? ''}` : ''}/0`;
}

/** What differs between versions by itself. */
function withoutVersion(
  item: SchemaItem,
  { source, target }: { source: number; target: number },
): SchemaItem {
  if (item.kind === 'extension') {
    const definition = (item.definition ?? '').replace(/^VERSION '.*' SCHEMA/, 'SCHEMA');
    return { ...item, definition, raw: `|${definition}` };
  }
  let { acl, role } = item;
  // MAINTAIN is part of ALL from 17 on.
  if (source < 17 !== target < 17) acl = acl?.replaceAll(/,?MAINTAIN\*?/g, '') ?? null;
  // Owner and standard privileges of schema public are others from 15 on.
  if (item.kind === 'schema' && item.name === 'public') {
    role = null;
    const granted = (acl ?? '')
      .split(' ')
      .filter((grant) => !/^(PUBLIC|owner|pg_database_owner|)=|^$/.test(grant));
    acl = granted.length === 0 ? null : granted.join(' ');
  }
  return { ...item, acl, role };
}
