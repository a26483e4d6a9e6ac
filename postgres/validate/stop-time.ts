/** A planned stop is judged by the source's clock, or its log, which decide when it happens. */
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

const POSITION_SQL = `
  SELECT /* pgtrek: validate stop position */ pg_current_wal_insert_lsn()::text AS now,
    $1::pg_lsn <= pg_current_wal_insert_lsn() AS past`;

export async function checkStopPosition({ source, spec }: OnSource): Promise<Finding[]> {
  const { lsn } = spec.cdc.stop;
  if (lsn === undefined) return [];
  const row = await source.one<{ now: string; past: boolean }>(POSITION_SQL, [lsn]);
  const finding = { id: 'stop.lsn', scope: 'source' };
  const why = `cdc.stop.lsn is ${lsn}; the source's log ends at ${row.now}.`;
  if (!row.past) return [{ ...finding, verdict: 'ok', why }];
  return [
    {
      ...finding,
      verdict: 'block',
      why: `The source has passed the stop: ${why}`,
      remedy: `pgtrek stop ${spec.name} --lsn <a later position>, then pgtrek retry ${spec.name}; or start again with another cdc.stop.lsn.`,
    },
  ];
}
