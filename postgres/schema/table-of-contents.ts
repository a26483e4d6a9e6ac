/** The archive's table of contents: which entries pg_restore restores, and which are left out or built by us. */
import type { Session } from '../session.js';

export interface ArchiveEntry {
  /** The line of `pg_restore --list`, as `pg_restore --use-list` wants it. */
  line: string;
  section: 'pre-data' | 'post-data';
  /** TABLE, INDEX, FK CONSTRAINT… */
  kind: string;
  /** Catalog and oid of the object on the source; 0 for comments, privileges, attachments. */
  classId: number;
  objectId: number;
  /** What follows the kind: schema, name and owner, not quoted. */
  rest: string;
}

/** `215; 1259 16403 TABLE public actor postgres`; kinds are words in capitals. */
const LINE = /^\d+; (\d+) (\d+) ([A-Z]+(?: [A-Z]+)*) (.*)$/;

export function parseContents(listing: string, section: ArchiveEntry['section']): ArchiveEntry[] {
  return listing.split('\n').flatMap((line) => {
    const [, classId, objectId, kind, rest] = LINE.exec(line) ?? [];
    if (classId === undefined || objectId === undefined || kind === undefined || rest === undefined)
      return [];
    return [{ line, section, kind, classId: Number(classId), objectId: Number(objectId), rest }];
  });
}

/** Objects of the source that we build ourselves, by oid: indexes (pg_class) and constraints (pg_constraint). */
export interface BuiltByUs {
  indexes: Set<number>;
  constraints: Set<number>;
  /** Foreign keys that refer to what is not selected. */
  keysLeftOut: Set<number>;
  /** Comments on foreign keys, by ForeignKeyDefinition.contentsTag: the key comes later, or not at all. */
  keyComments: Set<string>;
}

/** Why pg_restore is not to restore an entry; undefined when it is. */
export function reasonToLeaveOut(entry: ArchiveEntry, built: BuiltByUs): string | undefined {
  const { kind, objectId, rest } = entry;
  if (kind === 'SCHEMA' && rest.startsWith('- public ')) return 'schema public exists on every server';
  if (kind === 'COMMENT' && rest.startsWith('- SCHEMA public ')) return 'schema public is the target’s own';
  if (kind === 'COMMENT' && rest.startsWith('- EXTENSION '))
    return 'CREATE EXTENSION sets it, and only its owner may';
  if (kind === 'COMMENT' && isCommentOf(built.keyComments, rest)) return 'it goes with the foreign key';
  if (kind === 'EVENT TRIGGER' && /^- pgtrek_\w+_ddl_(ddl|drop) /.test(rest))
    return 'it belongs to a migration of pgtrek';
  if (kind === 'INDEX' && built.indexes.has(objectId)) return BUILT_BY_US;
  if (kind === 'FK CONSTRAINT' && built.keysLeftOut.has(objectId))
    return 'it refers to a table that is left out';
  if (kind.endsWith('CONSTRAINT') && built.constraints.has(objectId)) return BUILT_BY_US;
  return undefined;
}

/** The owner of the table follows; like all names here it may hold spaces. */
function isCommentOf(tags: Set<string>, rest: string): boolean {
  if (!rest.includes(' CONSTRAINT ')) return false;
  const text = `${rest.replaceAll('"', '')} `;
  return [...tags].some((tag) => text.startsWith(`${tag} `));
}

export const BUILT_BY_US = 'built by pgtrek after the data';

const IDENTIFY_SQL = `
  SELECT /* pgtrek: identify-entries */ e.position, i.type, i.identity
  FROM unnest($1::int[], $2::oid[], $3::oid[]) AS e (position, class, object),
    LATERAL pg_identify_object(e.class, e.object, 0) AS i
  WHERE e.class <> 0`;

/** Type and quoted identity of each entry's object, as DROP wants them, by position in the list. */
export async function identifyEntries(
  source: Session,
  entries: ArchiveEntry[],
): Promise<Map<number, { type: string; identity: string }>> {
  const rows = await source.query<{ position: number; type: string | null; identity: string | null }>(
    IDENTIFY_SQL,
    [
      entries.map((_, position) => position),
      entries.map((entry) => entry.classId),
      entries.map((entry) => entry.objectId),
    ],
  );
  const known = new Map<number, { type: string; identity: string }>();
  for (const { position, type, identity } of rows)
    if (type && identity) known.set(position, { type, identity });
  return known;
}
