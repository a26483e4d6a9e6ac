/** Large objects: not copied by this version, so nobody may believe that they were. */
import type { Finding } from '../../contract/state.js';
import type { OnSource } from './check.js';

const COUNT_SQL = `
  SELECT /* pgtrek: validate large objects */ count(*)::text AS objects FROM pg_largeobject_metadata`;

export async function checkLargeObjects({ source, spec }: OnSource): Promise<Finding[]> {
  const { objects } = await source.one<{ objects: string }>(COUNT_SQL);
  const finding = { id: 'source.large_objects', scope: 'source' };
  if (objects === '0') return [{ ...finding, verdict: 'ok', why: 'The source has no large objects.' }];
  return [
    {
      ...finding,
      verdict: spec.select.largeObjects === 'skip' ? 'warn' : 'block',
      why: `The source has ${objects} large objects, which this version of pgtrek does not copy.`,
      remedy: 'Set select.largeObjects: skip in the spec, and bring them over by other means.',
    },
  ];
}
