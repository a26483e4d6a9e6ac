/** Puts all statements of an adoption in order: what goes, what is renamed, what comes or changes, what follows. */
import { isChanged } from '../fingerprint/compare-items.js';
import type { Pair } from '../fingerprint/match-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import type { PlannedEntry } from '../ledger/schema-plan.js';
import { alterColumns, dropColumns, setDefaults } from './alter-columns.js';
import { extensionSteps, ownerSteps, privilegeSteps, renameSteps, sequenceSteps } from './alter-objects.js';
import { typeSteps } from './alter-types.js';
import { objectOf } from './ledger-state.js';
import type { KnownEntry, LedgerState } from './ledger-state.js';
import { isMadeAnew } from './load-again.js';
import type { Reshaped } from './load-again.js';
import { splitOn } from './names.js';
import { relationOf } from './read-changes.js';
import type { SourceChanges } from './read-changes.js';
import type { Step } from './steps.js';

export interface Work {
  /** By the names that the target has. */
  first: Step[];
  /** Of the new archive, in its order: statements in place of an entry, or the entry itself. */
  entries: { entry: PlannedEntry; steps?: Step[] }[];
  last: Step[];
}

export function planWork(ledger: LedgerState, changes: SourceChanges, reshaped: Reshaped): Work {
  const { matches } = changes;
  const { anew, dependents } = reshaped;
  const goneTables = new Set(matches.gone.filter(({ kind }) => kind === 'table').map(relationOf));
  /** Of a table that is on both ends, and stays as it is. */
  const stays = (oid: number) => !anew.has(oid) && !goneTables.has(oid);
  const pairs = matches.pairs.filter((pair) => isKept(pair, changes, stays));
  return {
    first: [
      ...dropParts(changes, stays),
      ...dependents.drops.map(({ statement, object }) => ({ object, sql: `${statement} CASCADE` })),
      ...changedObjects(changes).map(({ name }) => ({ object: name, sql: `DROP ${name}` })),
      ...resetDefaults(changes),
      ...dropColumns(stays, changes),
      ...renameSteps(pairs, changes.before),
    ],
    entries: planEntries(ledger, changes, reshaped, stays),
    last: [
      ...setDefaults((oid) => stays(oid) && wasThere(ledger, oid), changes),
      ...sequenceSteps(pairs),
      ...extensionSteps(pairs),
      ...checkSteps(changes, stays),
      ...dropObjects(changes),
      ...ownerSteps(pairs),
      ...privilegeSteps(pairs),
    ],
  };
}

function wasThere({ relations }: LedgerState, oid: number): boolean {
  return relations.some((relation) => relation.oid === oid);
}

/** What is dropped and made anew has its name, owner and privileges from the archive. */
function isKept({ before, after }: Pair, changes: SourceChanges, stays: (oid: number) => boolean): boolean {
  if (after.rel !== 0 && !stays(after.rel)) return false;
  return !isMadeAnew(before, after, changes) && !(isPart(after) && isChanged(before, after));
}

function isPart({ kind }: SchemaItem): boolean {
  return ['index', 'constraint', 'trigger', 'policy', 'rule'].includes(kind);
}

/** Operators, casts and other rare ones: their names begin with what they are. */
function changedObjects({ matches }: SourceChanges): SchemaItem[] {
  return matches.pairs
    .filter(
      ({ before, after }) => after.kind === 'object' && isChanged(before, after) && !isDefaultAcl(before),
    )
    .map(({ before }) => before);
}

function isDefaultAcl({ kind, name }: SchemaItem): boolean {
  return kind === 'object' && name.startsWith('default acl ');
}

const DEFAULTS_SQL = `
  SELECT /* pgtrek: plan-default-privileges */ format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE ALL ON %s FROM %s',
    pg_get_userbyid(d.defaclrole), ' IN SCHEMA ' || quote_ident(n.nspname),
    CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
      ELSE 'SCHEMAS' END,
    CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END) AS statement
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL pg_identify_object('pg_default_acl'::regclass, d.oid, 0) i
    CROSS JOIN LATERAL (SELECT DISTINCT grantee FROM aclexplode(d.defaclacl)) x
  WHERE concat(i.type, ' ', i.identity) = $1 AND x.grantee <> d.defaclrole`;

/** Those of others than the owner; the archive gives what the source has. */
function resetDefaults({ matches }: SourceChanges): Step[] {
  const changed = matches.pairs
    .filter(({ before, after }) => isChanged(before, after))
    .map(({ before }) => before);
  return [...matches.gone, ...changed]
    .filter(isDefaultAcl)
    .map(({ name }) => ({ object: name, sql: DEFAULTS_SQL, values: [name] }));
}

/** Indexes, constraints and the like of tables that stay: those that are others now are made anew later. */
function dropParts({ matches }: SourceChanges, stays: (oid: number) => boolean): Step[] {
  const changed = matches.pairs
    .filter(({ before, after }) => isChanged(before, after))
    .map(({ before }) => before);
  const parts = [...matches.gone, ...changed].filter((item) => isPart(item) && stays(item.rel));
  const order = (item: SchemaItem) => (item.definition?.startsWith('FOREIGN KEY') ? 0 : 1);
  return parts
    .sort((a, b) => order(a) - order(b))
    .flatMap((item) => [...dropReferences(item), { object: item.name, sql: dropOf(item) }]);
}

/** Foreign keys of ours that need a key: they are made anew behind it. */
const REFERENCES_SQL = `
  SELECT /* pgtrek: find-references */ format('ALTER TABLE %s DROP CONSTRAINT %s', f.qualified, f.constraint_name) AS statement
  FROM pgtrek.foreign_key f
    JOIN pg_constraint k ON k.conrelid = to_regclass(f.qualified) AND quote_ident(k.conname) = f.constraint_name
    JOIN pg_constraint p ON p.conrelid = k.confrelid AND p.conindid = k.conindid AND p.contype IN ('p', 'u')
  WHERE k.contype = 'f' AND p.conrelid = to_regclass($1) AND quote_ident(p.conname) = $2`;

function dropReferences({ kind, name }: SchemaItem): Step[] {
  if (kind !== 'constraint') return [];
  const { own, table } = splitOn(name);
  return [{ object: name, sql: REFERENCES_SQL, values: [table, own] }];
}

function dropOf({ kind, name }: SchemaItem): string {
  if (kind === 'index') return `DROP INDEX IF EXISTS ${name}`;
  const { own, table } = splitOn(name);
  if (kind === 'constraint') return `ALTER TABLE IF EXISTS ${table} DROP CONSTRAINT IF EXISTS ${own}`;
  return `DROP ${kind.toUpperCase()} IF EXISTS ${own} ON ${table}`;
}

/** Catalogs of what an entry stands for. */
const RELATION = '1259';

/**
 * An entry is restored when it is new, or its object was dropped on the target; comments and the like, which have no object,
 * when they are new or name something that is restored. In place of the entry of what is altered stand the statements for
 * it: the archive's order is that of dependencies.
 */
function planEntries(
  { entries: known, relations }: LedgerState,
  changes: SourceChanges,
  { anew, dependents }: Reshaped,
  stays: (oid: number) => boolean,
): Work['entries'] {
  const entries = changes.plan.entries.filter(
    ({ leftOut, section }) => leftOut === undefined && section === 'pre-data',
  );
  const others = changedObjects(changes).map(({ name }) => name);
  const isThere = createLook(known, new Set([...dependents.identities, ...others]), anew);
  const restored = entries.filter((entry) => entry.objectId !== 0 && !isThere(entry));
  const isNamed = createNameLook(restored);
  const tables = new Set(restored.filter(({ kind }) => kind.endsWith('TABLE')).map(({ rest }) => rest));
  const hasDefaults = changes.found.some(({ item }) => isDefaultAcl(item));
  const texts = new Set(known.map(({ kind, rest }) => `${kind} ${rest}`));
  const altered = alterSteps(changes, stays, new Set(relations.map(({ oid }) => oid)));
  return entries.flatMap((entry): Work['entries'] => {
    const { kind, objectId, rest } = entry;
    const runs =
      kind === 'TABLE ATTACH'
        ? tables.has(rest)
        : kind === 'DEFAULT ACL'
          ? hasDefaults
          : restored.includes(entry) ||
            (objectId === 0 && !texts.has(`${kind} ${rest}`)) ||
            (FOLLOWING.has(kind) && isNamed(rest));
    if (runs) return [{ entry }];
    const steps = altered.get(objectOf(entry));
    altered.delete(objectOf(entry));
    return steps ? [{ entry, steps }] : [];
  });
}

const FOLLOWING = new Set(['COMMENT', 'ACL', 'SECURITY LABEL', 'DEFAULT', 'SEQUENCE OWNED BY']);

type Entry = Pick<PlannedEntry, 'kind' | 'classId' | 'objectId' | 'type' | 'identity'>;

/** The same object, or one of its name that was made anew as it was; and it is not dropped. */
function createLook(known: KnownEntry[], dropped: Set<string>, anew: Set<number>): (entry: Entry) => boolean {
  const byObject = new Map(known.map((entry) => [`${entry.kind} ${entry.object}`, entry]));
  const byName = new Map(known.map((entry) => [`${entry.kind} ${entry.identity ?? ''}`, entry]));
  return (entry) => {
    if (anew.has(entry.objectId) && String(entry.classId) === RELATION) return false;
    const former =
      byObject.get(`${entry.kind} ${objectOf(entry)}`) ?? byName.get(`${entry.kind} ${entry.identity ?? ''}`);
    return former !== undefined && !dropped.has(`${former.type ?? ''} ${former.identity ?? ''}`);
  };
}

/** `public orders boss` is named by `public orders note boss`, and by `public COLUMN orders.note boss`. */
function createNameLook(restored: PlannedEntry[]): (rest: string) => boolean {
  const names = new Set(restored.map(({ rest }) => nameIn(rest)));
  return (rest) => {
    const [schema = '', ...words] = rest.split(' ');
    const own = words.filter((word) => !/^[A-Z]+$/.test(word));
    return own.some((word) => {
      const [name = ''] = word.split(/[.(]/);
      return names.has(`${schema} ${name}`);
    });
  };
}

function nameIn(rest: string): string {
  const [schema = '', word = ''] = rest.split(' ');
  return `${schema} ${word.split('(')[0] ?? ''}`;
}

/** By catalog and oid of the object on the source. */
function alterSteps(
  changes: SourceChanges,
  stays: (oid: number) => boolean,
  known: Set<number>,
): Map<string, Step[]> {
  const { matches, after } = changes;
  const steps = new Map<string, Step[]>();
  const tables = after.filter(
    (item) => item.kind === 'table' && known.has(relationOf(item)) && stays(relationOf(item)),
  );
  for (const table of tables) {
    const pair = matches.pairs.find((each) => each.after.id === table.id);
    steps.set(`1259/${String(relationOf(table))}`, [
      ...alterColumns(table, changes),
      ...(pair && isChanged(pair.before, pair.after) ? tableSteps(pair, changes) : []),
    ]);
  }
  const full = new Map(after.map((item) => [item.id, item]));
  for (const pair of matches.pairs.filter(
    ({ before, after: now }) => now.kind === 'function' && isChanged(before, now),
  )) {
    const definition = full.get(pair.after.id)?.definition;
    if (isMadeAnew(pair.before, pair.after, changes) || !definition) continue;
    steps.set(`1255/${String(relationOf(pair.after))}`, [{ object: pair.after.name, sql: definition }]);
  }
  for (const pair of matches.pairs.filter(({ after: now }) => now.kind === 'type')) {
    if (isMadeAnew(pair.before, pair.after, changes)) continue;
    const some = typeSteps({ matches: { pairs: [pair], gone: [], fresh: [] }, types: changes.types });
    if (some.length > 0) steps.set(`1247/${String(relationOf(pair.after))}`, some);
  }
  return steps;
}

/** Storage options, row security and inheritance, as the facts of a fingerprint have them. */
function tableSteps({ before, after }: Pair, { plan }: SourceChanges): Step[] {
  const [old, now] = [before.raw.split('|'), after.raw.split('|')];
  const object = after.name;
  const alter = (sql: string): Step => ({ object, sql: `ALTER TABLE ${object} ${sql}` });
  const nameOf = (oid: string) => plan.relations.find((relation) => String(relation.oid) === oid)?.qualified;
  const parents = (text = '') => text.split(',').flatMap((oid) => nameOf(oid) ?? []);
  const [left, joined] = [parents(old[7]), parents(now[7])];
  const keys = optionsOf(old[4]).map((option) => option.split('=')[0] ?? '');
  return [
    ...(old[4] !== now[4] && keys.length > 0 ? [alter(`RESET (${keys.join(', ')})`)] : []),
    ...(old[4] !== now[4] && optionsOf(now[4]).length > 0
      ? [alter(`SET (${optionsOf(now[4]).join(', ')})`)]
      : []),
    ...(old[2] !== now[2] ? [alter(`${now[2] === 't' ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`)] : []),
    ...(old[3] !== now[3] ? [alter(`${now[3] === 't' ? '' : 'NO '}FORCE ROW LEVEL SECURITY`)] : []),
    ...left.filter((name) => !joined.includes(name)).map((name) => alter(`NO INHERIT ${name}`)),
    ...joined.filter((name) => !left.includes(name)).map((name) => alter(`INHERIT ${name}`)),
  ];
}

/** `{fillfactor=70,"a=b c"}`. */
function optionsOf(text = ''): string[] {
  return text
    .replace(/^\{|\}$/g, '')
    .split(',')
    .map((option) => option.replace(/^"|"$/g, ''))
    .filter((option) => option !== '');
}

const CHECK_SQL = `
  SELECT /* pgtrek: look-for-check */ format('ALTER TABLE %s ADD CONSTRAINT %s %s', $1::text, $2::text, $3::text) AS statement
  WHERE NOT EXISTS (
    SELECT FROM pg_constraint k WHERE k.conrelid = to_regclass($1) AND quote_ident(k.conname) = $2)`;

/** Those that a table got, or that went with a function: pg_dump has them inside the table. */
function checkSteps({ after, parents }: SourceChanges, stays: (oid: number) => boolean): Step[] {
  return after
    .filter(
      ({ kind, definition, rel }) => kind === 'constraint' && definition?.startsWith('CHECK') && stays(rel),
    )
    .sort((a, b) => Number(parents.has(a.rel)) - Number(parents.has(b.rel)))
    .map(({ name, definition }) => {
      const { own, table } = splitOn(name);
      return { object: name, sql: CHECK_SQL, values: [table, own, definition] };
    });
}

const WORDS: Record<string, string> = {
  function: 'ROUTINE',
  sequence: 'SEQUENCE',
  type: 'TYPE',
  extension: 'EXTENSION',
  schema: 'SCHEMA',
};
const ORDER = ['function', 'sequence', 'type', 'object', 'extension', 'schema'];

/** What is gone and belongs to nothing else, when nothing needs it any more. */
function dropObjects({ matches }: SourceChanges): Step[] {
  const ids = new Set(matches.gone.map(({ id }) => id));
  const goneTables = new Set(matches.gone.filter(({ kind }) => kind === 'table').map(({ id }) => id));
  return matches.gone
    .filter((item) => {
      const { kind, container } = item;
      const table = container.replace(/^column\/(\d+)\/.*$/, 'table/$1/0');
      return ORDER.includes(kind) && !isDefaultAcl(item) && !ids.has(container) && !goneTables.has(table);
    })
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
    .map(({ kind, name }) => ({
      object: name,
      sql: kind === 'object' ? `DROP ${name}` : `DROP ${WORDS[kind] ?? ''} IF EXISTS ${name}`,
    }));
}
