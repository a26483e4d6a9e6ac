/** Sets every selected sequence of the target to exactly where the source's stands. */
import { withEnds } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';

const SEQUENCES_SQL = `
  SELECT /* pgtrek: list-sequences */ qualified FROM pgtrek.relation
  WHERE owner = $1 AND kind = 'S' ORDER BY id`;

/** A UNION of this many sub-selects plans in a few milliseconds. */
const CHUNK = 200;

/**
 * Sequences are not replicated. After the marker their values on the source are at or past what the replicated rows
 * use, whoever still writes there. Setting them again is harmless.
 */
export async function setSequences(job: Job): Promise<{ sequences: number }> {
  return withEnds(job, 'sequences', async (source, target) => {
    const names = await findSequences(source, target, job.owner);
    await copyValues(source, target, names);
    return { sequences: names.length };
  });
}

/** The selected ones that both ends have. */
export async function findSequences(source: Session, target: Session, owner: string): Promise<string[]> {
  const planned = await target.query<{ qualified: string }>(SEQUENCES_SQL, [owner]);
  return keepExisting(
    target,
    await keepExisting(
      source,
      planned.map(({ qualified }) => qualified),
    ),
  );
}

export async function copyValues(source: Session, target: Session, names: string[]): Promise<void> {
  for (let start = 0; start < names.length; start += CHUNK) {
    await setChunk(source, target, names.slice(start, start + CHUNK));
  }
}

/** One that was dropped since the dump has no value to carry over. */
async function keepExisting(session: Session, names: string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT /* pgtrek: look-for-sequences */ name FROM unnest($1::text[]) WITH ORDINALITY AS s (name, n)
     WHERE to_regclass(name) IS NOT NULL ORDER BY n`,
    [names],
  );
  return rows.map(({ name }) => name);
}

interface SequenceValue {
  n: number;
  last_value: string;
  is_called: boolean;
}

async function setChunk(source: Session, target: Session, names: string[]): Promise<void> {
  const selects = names.map((name, n) => `SELECT ${n} AS n, last_value, is_called FROM ${name}`);
  const values = await source.query<SequenceValue & Record<string, unknown>>(
    `SELECT /* pgtrek: read-sequences */ * FROM (${selects.join(' UNION ALL ')}) AS s ORDER BY n`,
  );
  await target.query(SET_SQL, [
    values.map(({ n }) => names[n]),
    values.map(({ last_value }) => last_value),
    values.map(({ is_called }) => is_called),
  ]);
}

const SET_SQL = `
  SELECT /* pgtrek: set-sequences */ setval(s.name::regclass, s.value, s.called)
  FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS s (name, value, called)`;
