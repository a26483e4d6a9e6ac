/** A planned stop is judged by the source's clock, which decides when it happens. */
import type { Finding } from '../../contract/state.js';
import type { OnSource } from './check.js';

const CLOCK_SQL = `
  SELECT /* pgtrek: validate stop time */
    clock_timestamp()::text AS now,
    $1::timestamptz::text AS at,
    $1::timestamptz <= clock_timestamp() AS past`;

export async function checkStopTime({ source, spec }: OnSource): Promise<Finding[]> {
  const { at } = spec.cdc.stop;
  if (at === undefined) return [];
  const row = await source.one<{ now: string; at: string; past: boolean }>(CLOCK_SQL, [at]);
  const finding = { id: 'stop.at', scope: 'source' };
  const why = `cdc.stop.at is ${row.at}; the source's clock says ${row.now}.`;
  if (!row.past) return [{ ...finding, verdict: 'ok', why }];
  return [
    {
      ...finding,
      verdict: 'block',
      why: `The stop lies in the past: ${why}`,
      remedy: `pgtrek stop ${spec.name} --at <a later time>, then pgtrek retry ${spec.name}; or start again with another cdc.stop.at.`,
    },
  ];
}
