/** What tests that steer a migration share: its marker, and whether the target is exactly there. */
import assert from 'node:assert/strict';
import type { MigrationState } from '../../client/index.js';
import type { Oracle, OracleReport } from '../../dev/oracle.js';
import { query } from './world.js';
import type { Databases } from './world.js';

export interface StopMarker {
  lane: string;
  id: string;
}

export function markerOf(state: MigrationState): StopMarker {
  const report = state.stop?.report;
  const lane = report?.lanes[0]?.lane;
  if (!report || !lane) throw new Error('the migration reports no stop');
  return { lane, id: report.marker };
}

/** Every commit up to the marker is on the target, and no other. */
export async function assertExactAt(
  oracle: Oracle,
  { target }: Databases,
  marker: StopMarker,
): Promise<OracleReport> {
  const report = await oracle.verify({ target, marker });
  assert.deepEqual(report.problems, []);
  assert.equal(report.exact, true);
  return report;
}

/** Where the source's log will be when so many more bytes were written. */
export async function positionAfter({ source }: Databases, bytes: number): Promise<string> {
  const [row] = await query<{ lsn: string }>(
    source,
    'SELECT (pg_current_wal_insert_lsn() + $1::numeric)::text AS lsn',
    [bytes],
  );
  return row?.lsn ?? '';
}

export function countEvents({ events }: MigrationState, kind: string): number {
  return events.filter((event) => event.kind === kind).length;
}
