/** What mends an object that the target does not take, as far as the server's message tells it. */
import { escapeIdentifier } from 'pg';

interface Failed {
  /** With context. */
  whole: string;
  /** Role that restores. */
  user: string;
}

const REMEDIES: [pattern: RegExp, remedy: (found: string, failed: Failed) => string][] = [
  [
    /extension "([^"]+)" is not available|could not open extension control file "[^"]*\/([^/"]+)\.control"/,
    (extension) =>
      `Install the package of extension ${extension} on the target server, or DROP EXTENSION ${escapeIdentifier(extension)}; on the source when nothing uses it.`,
  ],
  [
    /permission denied to create extension "([^"]+)"/,
    (extension) =>
      `CREATE EXTENSION ${escapeIdentifier(extension)}; -- in the target's database, as superuser`,
  ],
  [
    /role "([^"]+)" does not exist/,
    (role) =>
      `CREATE ROLE ${escapeIdentifier(role)}; on the target, or schema.owners: skip and schema.privileges: skip.`,
  ],
  [
    /must be (?:member of role|able to SET ROLE) "([^"]+)"/,
    (role, { user }) =>
      `GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(user)}; on the target, or schema.owners: skip.`,
  ],
  [
    /tablespace "([^"]+)" does not exist/,
    (tablespace) =>
      `CREATE TABLESPACE ${escapeIdentifier(tablespace)} LOCATION '…'; on the target, or move the object to pg_default on the source.`,
  ],
  // A function of SQL is looked into where it is inlined; it runs with an empty search_path then, as pg_dump has it.
  [
    /does not exist[^]*\bCONTEXT: +(?:SQL|PL\/\w+) function "?([\w.$]+)/,
    (name) =>
      `ALTER FUNCTION ${name}(…) SET search_path = public; on the source, or write the schema before each name inside it: it finds them by search_path, which is empty in a restore, in maintenance and in indexes.`,
  ],
  [
    /permission denied for (?:schema|database|language|foreign-data wrapper|foreign server) "?([^"\s]+)"?/,
    (name, { user }) => `Grant ${escapeIdentifier(user)} what it lacks on ${name} of the target.`,
  ],
];

export function remedyFor({ whole, user, major }: Failed & { major: number }): string {
  for (const [pattern, remedy] of REMEDIES) {
    const match = pattern.exec(whole);
    const found = match?.slice(1).find((group) => group !== undefined);
    if (found !== undefined) return remedy(found, { whole, user });
  }
  return `Change it on the source so that PostgreSQL ${major} takes it, make what it needs on the target, or leave it out by select.exclude.`;
}
