/** Statements for what is neither a table nor on one: renames, owners, privileges, types, sequences. */
import { escapeLiteral } from 'pg';
import { isChanged } from '../fingerprint/compare-items.js';
import type { Pair } from '../fingerprint/match-items.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import { partsOf, splitLast, splitOn } from './names.js';
import type { Step } from './steps.js';

/** How SQL calls the kinds that ALTER … RENAME, SET SCHEMA and OWNER TO take; ALTER TABLE takes every relation. */
const WORDS: Record<string, string> = {
  schema: 'SCHEMA',
  type: 'TYPE',
  function: 'ROUTINE',
  table: 'TABLE',
  view: 'TABLE',
  sequence: 'SEQUENCE',
  index: 'INDEX',
};

/** They are named by what they stand on, as that is called before its own turn comes. */
const PARTS = new Set(['column', 'enum-value', 'constraint', 'trigger', 'policy', 'rule']);

/** A name that another object has had so far is taken in a second turn. */
export function renameSteps(pairs: Pair[], before: SchemaItem[]): Step[] {
  const renamed = pairs.filter((pair) => pair.before.label !== pair.after.label);
  const schemas = renamed.filter(({ after }) => after.kind === 'schema');
  const movedTo = new Map(schemas.map((pair) => [pair.before.name, pair.after.name]));
  const nowCalled = (name: string) => {
    const [schema = ''] = partsOf(name);
    return `${movedTo.get(schema) ?? schema}${name.slice(schema.length)}`;
  };
  const taken = new Set(before.map(({ kind, container, label }) => JSON.stringify([kind, container, label])));
  const first: Step[] = [];
  const second: Step[] = [];
  const order = ({ after }: Pair) => (after.kind === 'schema' ? 0 : PARTS.has(after.kind) ? 1 : 2);
  for (const pair of renamed.sort((a, b) => order(a) - order(b))) {
    const { kind, container, label } = pair.after;
    const isTaken = taken.has(JSON.stringify([kind, container, label]));
    const aside = isTaken ? `pgtrek_aside_${pair.after.id.replaceAll('/', '_')}` : undefined;
    const steps = renameOne(pair, nowCalled, aside);
    first.push(...steps.slice(0, aside === undefined ? steps.length : 1));
    if (aside !== undefined) second.push(...steps.slice(1));
  }
  return [...first, ...second];
}

/** With `aside` in two steps, by that name. */
function renameOne(
  { before, after }: Pair,
  nowCalled: (name: string) => string,
  aside: string | undefined,
): Step[] {
  const { kind } = after;
  const object = before.name;
  const from = nowCalled(before.name);
  const chain = (prefix: (name: string) => string, oldName: string, newName: string): Step[] =>
    aside === undefined
      ? [{ object, sql: `${prefix(oldName)} TO ${newName}` }]
      : [
          { object, sql: `${prefix(oldName)} TO ${aside}` },
          { object, sql: `${prefix(aside)} TO ${newName}` },
        ];
  switch (kind) {
    case 'column': {
      const { outer, own } = splitLast(from);
      return chain((name) => `ALTER TABLE ${outer} RENAME COLUMN ${name}`, own, splitLast(after.name).own);
    }
    case 'enum-value':
      return chain(
        (name) => `ALTER TYPE ${from} RENAME VALUE ${name}`,
        escapeLiteral(before.label),
        escapeLiteral(after.label),
      );
    case 'constraint':
    case 'trigger':
    case 'policy':
    case 'rule': {
      const [old, now] = [splitOn(before.name), splitOn(after.name)];
      const on = nowCalled(old.table);
      return kind === 'constraint'
        ? chain((name) => `ALTER TABLE ${on} RENAME CONSTRAINT ${name}`, old.own, now.own)
        : chain((name) => `ALTER ${kind.toUpperCase()} ${name} ON ${on} RENAME`, old.own, now.own);
    }
    case 'schema':
      return chain((name) => `ALTER SCHEMA ${name} RENAME`, before.name, after.name);
    default:
      return moveOne({ before, after }, from, aside);
  }
}

/** What has a schema, and arguments where it is a function. */
function moveOne({ after }: Pair, from: string, aside: string | undefined): Step[] {
  const word = WORDS[after.kind];
  if (word === undefined) return [];
  const object = from;
  const argumentsOf = (name: string) => /\(.*\)$/.exec(name)?.[0] ?? '';
  const bare = (name: string) => splitLast(name.slice(0, name.length - argumentsOf(name).length));
  const [old, now] = [bare(from), bare(after.name)];
  const args = argumentsOf(from);
  const steps: Step[] = [];
  let own = old.own;
  if (aside !== undefined) {
    steps.push({ object, sql: `ALTER ${word} ${old.outer}.${own}${args} RENAME TO ${aside}` });
    own = aside;
  }
  if (old.outer !== now.outer)
    steps.push({ object, sql: `ALTER ${word} ${old.outer}.${own}${args} SET SCHEMA ${now.outer}` });
  if (own !== now.own)
    steps.push({ object, sql: `ALTER ${word} ${now.outer}.${own}${args} RENAME TO ${now.own}` });
  return steps;
}

export function ownerSteps(pairs: Pair[]): Step[] {
  return pairs.flatMap(({ before, after }): Step[] => {
    const word = WORDS[after.kind];
    if (word === undefined || before.role === null || after.role === null || before.role === after.role)
      return [];
    const owner = `"${after.role.replaceAll('"', '""')}"`;
    return [{ object: after.name, sql: `ALTER ${word} ${after.name} OWNER TO ${owner}` }];
  });
}

/** Where the catalog keeps privileges: oid of the object by name, privileges, owner, letter of acldefault, word of GRANT. */
const KEPT: Record<string, { from: string; acl: string; owner: string; letter: string; word: string }> = {
  table: {
    from: 'pg_class c WHERE c.oid = to_regclass($1)',
    acl: 'c.relacl',
    owner: 'c.relowner',
    letter: 'r',
    word: 'TABLE',
  },
  view: {
    from: 'pg_class c WHERE c.oid = to_regclass($1)',
    acl: 'c.relacl',
    owner: 'c.relowner',
    letter: 'r',
    word: 'TABLE',
  },
  sequence: {
    from: 'pg_class c WHERE c.oid = to_regclass($1)',
    acl: 'c.relacl',
    owner: 'c.relowner',
    letter: 's',
    word: 'SEQUENCE',
  },
  function: {
    from: 'pg_proc c WHERE c.oid = to_regprocedure($1)',
    acl: 'c.proacl',
    owner: 'c.proowner',
    letter: 'f',
    word: 'ROUTINE',
  },
  schema: {
    from: 'pg_namespace c WHERE c.oid = to_regnamespace($1)',
    acl: 'c.nspacl',
    owner: 'c.nspowner',
    letter: 'n',
    word: 'SCHEMA',
  },
  type: {
    from: 'pg_type c WHERE c.oid = to_regtype($1)',
    acl: 'c.typacl',
    owner: 'c.typowner',
    letter: 'T',
    word: 'TYPE',
  },
  column: {
    from: 'pg_attribute c JOIN pg_class r ON r.oid = c.attrelid WHERE c.attrelid = to_regclass($1) AND quote_ident(c.attname) = $2',
    acl: 'c.attacl',
    owner: 'r.relowner',
    letter: 'c',
    word: 'TABLE',
  },
};

/** Takes all that anybody has, and gives what the source does. */
export function privilegeSteps(pairs: Pair[]): Step[] {
  return pairs.flatMap(({ before, after }): Step[] => {
    const kept = KEPT[after.kind];
    if (kept === undefined || before.acl === after.acl) return [];
    const { outer, own } = after.kind === 'column' ? splitLast(after.name) : { outer: after.name, own: '' };
    const list = own === '' ? '' : ` (${own})`;
    const sql = `
      WITH object AS (SELECT ${kept.acl} AS acl, ${kept.owner} AS owner FROM ${kept.from} AND $2::text IS NOT NULL),
      wanted AS (
        SELECT * FROM jsonb_to_recordset($4::jsonb) AS w (grantee text, privilege text, grantable boolean)
        UNION ALL
        SELECT CASE d.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'owner' END, d.privilege_type, d.is_grantable
        FROM object o, aclexplode(acldefault('${kept.letter}', o.owner)) d WHERE $4::jsonb IS NULL
      ), keeps (all_of_owner) AS (
        -- MAINTAIN is younger than many a source.
        SELECT $4::jsonb IS NOT NULL AND NOT EXISTS (
          SELECT FROM object o, aclexplode(acldefault('${kept.letter}', o.owner)) d
          WHERE d.grantee = o.owner AND d.privilege_type <> 'MAINTAIN'
            AND d.privilege_type NOT IN (SELECT privilege FROM wanted WHERE grantee = 'owner'))
      )
      SELECT /* pgtrek: plan-privileges */ format('REVOKE ALL%s ON ${kept.word} %s FROM %s', $3::text, $1::text,
        CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END) AS statement
      FROM (
        SELECT DISTINCT x.grantee FROM object o, aclexplode(coalesce(o.acl, acldefault('${kept.letter}', o.owner))) x, keeps
        WHERE NOT (all_of_owner AND x.grantee = o.owner)
      ) x
      UNION ALL
      SELECT format('GRANT %s%s ON ${kept.word} %s TO %s%s', w.privilege, $3::text, $1::text,
        CASE w.grantee WHEN 'owner' THEN quote_ident(pg_get_userbyid(o.owner)) ELSE w.grantee END,
        CASE WHEN w.grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM object o, wanted w, keeps
      WHERE NOT (all_of_owner AND w.grantee = 'owner')`;
    return [
      {
        object: after.name,
        sql,
        values: [outer, own, list, after.acl === null ? null : JSON.stringify(grantsOf(after.acl))],
      },
    ];
  });
}

interface Grant {
  grantee: string;
  privilege: string;
  grantable: boolean;
}

/** As a fingerprint writes them: `owner=INSERT,SELECT "the reader"=SELECT*`. */
function grantsOf(acl: string): Grant[] {
  return [...acl.matchAll(/("(?:[^"]|"")*"|[^\s="]+)=([A-Z*,]+)/g)].flatMap(
    ([, grantee = '', privileges = '']) =>
      privileges.split(',').map((privilege) => ({
        grantee,
        privilege: privilege.replace('*', ''),
        grantable: privilege.endsWith('*'),
      })),
  );
}

/** A sequence's definition is what ALTER SEQUENCE takes; that of an identity column is never owned otherwise. */
export function sequenceSteps(pairs: Pair[]): Step[] {
  const ownerOf = ({ raw }: SchemaItem) => raw.split('|').at(-1);
  return pairs
    .filter(({ before, after }) => after.kind === 'sequence' && isChanged(before, after))
    .map(({ before, after }) => {
      const { name, definition } = after;
      const [facts = '', owned = 'NONE'] = (definition ?? '').replace(/^UNLOGGED /, '').split(' OWNED BY ');
      const cycle = facts.endsWith(' CYCLE') ? '' : ' NO CYCLE';
      const owner = ownerOf(before) === ownerOf(after) ? '' : ` OWNED BY ${owned}`;
      return { object: name, sql: `ALTER SEQUENCE ${name} ${facts}${cycle}${owner}` };
    });
}

/** The target may have another version than the source had, from which no way leads there: it stays as it is. */
const UPDATE_SQL = `
  SELECT /* pgtrek: plan-extension */ format('ALTER EXTENSION %I UPDATE TO %L', e.extname, p.target) AS statement
  FROM pg_extension e CROSS JOIN LATERAL pg_extension_update_paths(e.extname) p
  WHERE quote_ident(e.extname) = $1 AND quote_literal(p.target) = $2 AND p.source = e.extversion AND p.path IS NOT NULL`;

export function extensionSteps(pairs: Pair[]): Step[] {
  return pairs
    .filter(({ before, after }) => after.kind === 'extension' && isChanged(before, after))
    .flatMap(({ before, after: { name, definition } }): Step[] => {
      const [, version = '', schema = ''] = /^VERSION (.*) SCHEMA (.*)$/.exec(definition ?? '') ?? [];
      const [, , oldSchema] = /^VERSION (.*) SCHEMA (.*)$/.exec(before.definition ?? '') ?? [];
      return [
        { object: name, sql: UPDATE_SQL, values: [name, version] },
        ...(schema === oldSchema
          ? []
          : [{ object: name, sql: `ALTER EXTENSION ${name} SET SCHEMA ${schema}` }]),
      ];
    });
}
