/** Compares where the sequences stand. */
import type { Verification } from '../../contract/verification.js';
import type { Job } from '../job.js';
import { readSelection } from '../selection.js';
import type { RelationName } from '../selection.js';
import type { Session } from '../session.js';
import type { Ends } from './content.js';
import { matching } from './tables.js';
import type { NotCompared } from './tables.js';
import type { VerifyAsked } from './verify-content.js';

export interface SequencesCompared {
  differing: Verification['sequences'];
  notCompared: NotCompared[];
}

interface Place {
  name: string;
  value: string;
  called: boolean;
  isNew: boolean;
}

/** A UNION of this many sub-selects plans in a few milliseconds. */
const CHUNK = 200;
const MOST = 50;

/** They are not replicated: while changes flow they say nothing, and before the cutover the target's are where they began. */
export async function compareSequences(
  job: Job,
  ends: Ends,
  { kind, lanes, tables }: Pick<VerifyAsked, 'kind' | 'lanes' | 'tables'>,
): Promise<SequencesCompared> {
  const { relations, selection } = await readSelection(ends.source, job.spec);
  const byOid = new Map<number, RelationName>(relations.map((relation) => [relation.oid, relation]));
  const wanted = matching(tables);
  const names = selection.selected
    .filter((relation) => {
      const table = relation.ownedBy === null ? undefined : byOid.get(relation.ownedBy);
      return (
        relation.kind === 'S' && (wanted(relation, byOid) || (table !== undefined && wanted(table, byOid)))
      );
    })
    .map(({ qualified }) => qualified);
  if (names.length === 0) return { differing: [], notCompared: [] };
  const leftOut = (why: string) => ({ differing: [], notCompared: [{ table: 'sequences', why }] });
  if (kind === 'online') return leftOut('they are not replicated; a cutover, or finish, sets them');
  const [source, target] = [await readPlaces(ends.source, names), await readPlaces(ends.target, names)];
  const told = new Map(target.map((place) => [place.name, place]));
  const different = source.filter((place) => {
    const other = told.get(place.name);
    return other?.value !== place.value || other.called !== place.called;
  });
  if (lanes.length > 0 && different.length > 0 && target.every(({ isNew }) => isNew))
    return leftOut('they are not set on the target yet; a cutover, or finish, sets them');
  return {
    differing: different.slice(0, MOST).map((place) => ({
      sequence: place.name,
      source: describePlace(place),
      target: describePlace(told.get(place.name)),
    })),
    notCompared: [],
  };
}

function describePlace(place: Place | undefined): string {
  if (!place) return 'no such sequence';
  return place.called ? place.value : `${place.value} (not called)`;
}

const THERE_SQL = `
  SELECT /* pgtrek: find-sequences-to-verify */ n.name, s.seqstart::text AS start
  FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at) JOIN pg_sequence s ON s.seqrelid = to_regclass(n.name)
  ORDER BY n.at`;

async function readPlaces(session: Session, names: string[]): Promise<Place[]> {
  const there = await session.query<{ name: string; start: string }>(THERE_SQL, [names]);
  const places: Place[] = [];
  for (let first = 0; first < there.length; first += CHUNK) {
    const some = there.slice(first, first + CHUNK);
    const selects = some.map(({ name }, n) => `SELECT ${String(n)} AS n, last_value, is_called FROM ${name}`);
    const rows = await session.query<{ n: number; last_value: string; is_called: boolean }>(
      `SELECT /* pgtrek: read-sequences */ * FROM (${selects.join(' UNION ALL ')}) AS s ORDER BY n`,
    );
    for (const { n, last_value: value, is_called: called } of rows) {
      const { name, start } = some[n] ?? { name: '', start: '' };
      places.push({ name, value, called, isNew: !called && value === start });
    }
  }
  return places;
}
