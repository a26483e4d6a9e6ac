/** Drops what restore and load made, by the ledger's list, and nothing else. */
import { messageOf } from '../classify-error.js';
import { removeLargeObjects } from '../large-objects/remove.js';
import { refuseWayBack } from '../reverse/way-back.js';
import type { Session } from '../session.js';
import { hasBegun } from './restore-section.js';

const RESTORED_SQL = `
  SELECT /* pgtrek: list-restored */ e.object_type AS type, e.identity
  FROM pgtrek.entry e
  WHERE e.owner = $1 AND e.left_out IS NULL AND e.identity IS NOT NULL
    AND e.object_type IN ('table', 'view', 'materialized view', 'sequence', 'foreign table', 'type', 'domain',
      'function', 'procedure', 'aggregate', 'schema', 'operator', 'collation', 'event trigger', 'foreign-data wrapper',
      'server', 'text search configuration', 'text search dictionary', 'text search parser', 'text search template')
  ORDER BY e.position DESC`;

const FOREIGN_KEYS_SQL = `
  SELECT qualified, constraint_name AS name FROM pgtrek.foreign_key WHERE owner = $1`;

/**
 * In reverse order of creation, over and over while that brings something: objects that need each other go in the
 * end, and CASCADE never takes what others made. Returns what is left, each with the server's reason.
 */
export async function dropRestored(target: Session, owner: string): Promise<string[]> {
  return [...(await dropObjects(target, owner)), ...(await dropLargeObjects(target, owner))];
}

async function dropLargeObjects(target: Session, owner: string): Promise<string[]> {
  try {
    await removeLargeObjects(target, owner);
    return [];
  } catch (error) {
    return [`large objects: ${messageOf(error)}`];
  }
}

async function dropObjects(target: Session, owner: string): Promise<string[]> {
  if (!(await hasBegun(target, owner))) return [];
  await refuseWayBack(target, owner);
  const keys = await target.query<{ qualified: string; name: string }>(FOREIGN_KEYS_SQL, [owner]);
  const objects = await target.query<{ type: string; identity: string }>(RESTORED_SQL, [owner]);
  let waiting = [
    ...keys.map(
      ({ qualified, name }) => `ALTER TABLE IF EXISTS ${qualified} DROP CONSTRAINT IF EXISTS ${name}`,
    ),
    ...objects.map(({ type, identity }) => `DROP ${type.toUpperCase()} IF EXISTS ${identity}`),
  ];
  for (;;) {
    const failed = await dropEach(target, waiting);
    if (failed.length === 0) return [];
    if (failed.length === waiting.length)
      return failed.map(({ statement, reason }) => `${statement}: ${reason}`);
    waiting = failed.map(({ statement }) => statement);
  }
}

async function dropEach(
  target: Session,
  statements: string[],
): Promise<{ statement: string; reason: string }[]> {
  const failed = [];
  for (const statement of statements) {
    try {
      await target.query(statement.replace(/^(\w+)/, '$1 /* pgtrek: drop-restored */'));
    } catch (error) {
      failed.push({ statement, reason: messageOf(error) });
    }
  }
  return failed;
}
