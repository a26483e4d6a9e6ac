import type { LaneFigures, MigrationState, MonitorFigures } from '../../../client/index.js';

export const NOW = new Date('2026-12-01T00:10:00Z');

const LANE = 'pgtrek_orders_1' as LaneFigures['lane'];
const LSN = '16/B374D848' as NonNullable<LaneFigures['confirmedFlush']>;

/** A migration in the middle of its load. */
export function loadingState(changes: Partial<MigrationState> = {}): MigrationState {
  return {
    version: 1,
    name: 'orders',
    owner: '01a203d4-3246-7e96-ac3b-d8df4f7ce028',
    mode: 'full-load-and-cdc',
    method: 'stream',
    status: 'running',
    stage: 'load',
    stages: [
      {
        name: 'validate',
        status: 'done',
        startedAt: '2026-12-01T00:05:50Z',
        endedAt: '2026-12-01T00:05:51.200Z',
      },
      {
        name: 'dump',
        status: 'done',
        startedAt: '2026-12-01T00:05:51.2Z',
        endedAt: '2026-12-01T00:05:54.6Z',
      },
      {
        name: 'restore',
        status: 'done',
        startedAt: '2026-12-01T00:05:54.6Z',
        endedAt: '2026-12-01T00:05:59.820Z',
      },
      {
        name: 'publish',
        status: 'done',
        startedAt: '2026-12-01T00:05:59.820Z',
        endedAt: '2026-12-01T00:06:00Z',
      },
      { name: 'load', status: 'running', startedAt: '2026-12-01T00:06:00Z' },
      { name: 'subscribe', status: 'waiting' },
      { name: 'monitor', status: 'waiting' },
      { name: 'stop', status: 'waiting' },
    ],
    lanes: [{ name: LANE, status: 'loading', tables: 94 }],
    totals: {
      tables: 94,
      tablesCopied: 38,
      parts: 38,
      partsCopied: 38,
      bytesPlanned: String(2560 * 1024 * 1024),
      bytesDone: String(1152 * 1024 * 1024),
      bytesCopied: String(1160 * 1024 * 1024),
      rowsCopied: '12345678',
      indexes: 40,
      indexesBuilt: 12,
      constraints: 0,
      constraintsBuilt: 0,
    },
    stop: { kind: 'at', at: '2026-12-01T02:00:00Z', then: 'finish' },
    findings: [
      { id: 'source.version', scope: 'source', verdict: 'ok', why: '17.2' },
      { id: 'source.identity', scope: 'source.table public.log', verdict: 'warn', why: 'no primary key' },
    ],
    events: [
      { n: 1, at: '2026-12-01T00:05:50Z', kind: 'started', text: 'full-load-and-cdc' },
      { n: 2, at: '2026-12-01T00:06:00Z', kind: 'published', text: '94 tables in pgtrek_orders_1' },
    ],
    ...changes,
  };
}

/** The same one, while its lane applies. */
export function monitoringState(changes: Partial<MigrationState> = {}): MigrationState {
  const state = loadingState();
  const stages = state.stages.map((stage) => {
    if (stage.name === 'load') return { ...stage, status: 'done' as const, endedAt: '2026-12-01T00:09:00Z' };
    if (stage.name === 'subscribe') {
      return {
        ...stage,
        status: 'done' as const,
        startedAt: '2026-12-01T00:09:00Z',
        endedAt: '2026-12-01T00:09:01Z',
      };
    }
    return stage.name === 'monitor'
      ? { ...stage, status: 'running' as const, startedAt: '2026-12-01T00:09:01Z' }
      : stage;
  });
  const totals = {
    ...state.totals,
    tablesCopied: 94,
    parts: 94,
    partsCopied: 94,
    indexesBuilt: 40,
    bytesCopied: state.totals.bytesPlanned,
  };
  return {
    ...state,
    stage: 'monitor',
    stages,
    totals,
    lanes: [{ name: LANE, status: 'applying', tables: 94 }],
    ...changes,
  };
}

export function monitorFigures(
  changes: Partial<MonitorFigures> = {},
  lane: Partial<LaneFigures> = {},
): MonitorFigures {
  return {
    kind: 'monitor',
    at: '2026-12-01T00:09:59Z',
    lanes: [
      {
        lane: LANE,
        enabled: true,
        workerPid: 4711,
        slotActive: true,
        walStatus: 'reserved',
        retainedBytes: '52428800',
        lagBytes: '1258291',
        confirmedFlush: LSN,
        tables: { r: 94 },
        errors: {},
        ...lane,
      },
    ],
    lagBytes: '1258291',
    lagMs: 35,
    sourceRate: 3145728,
    applyRate: 4194304,
    drainSeconds: 3,
    ...changes,
  };
}

export const STOP_REPORT = {
  marker: '01a203d4-1',
  plannedAt: '2026-12-01T02:00:00Z',
  committedAt: '2026-12-01T02:00:00.004Z',
  overshootMs: 4,
  lanes: [{ lane: LANE, lsn: LSN }],
  stoppedAfterMs: 62,
};
