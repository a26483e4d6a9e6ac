import type { MigrationReport, ReportTable, SeriesPoint } from '../../../client/index.js';
import { buildReport } from '../../../client/report/build-report.js';
import { openCollection } from '../../../client/report/collected.js';

/** What a name can hold; a browser that takes it for a part of the page says so on its console. */
export const HOSTILE =
  '<script>console.error("run")</script>"\'><img src=x onerror="console.error(1)">\u202e';

const BEGAN = Date.parse('2026-11-20T21:00:00Z');
const HOUR = 3_600_000;

const at = (hours: number) => new Date(BEGAN + hours * HOUR).toISOString();
const lane = 'pgtrek_orders_1' as never;
const lsn = (text: string) => text as never;

/** A migration of three days with everything that can happen to one. */
export function sampleReport(changes: Partial<MigrationReport> = {}): MigrationReport {
  const empty = emptyReport();
  return {
    ...empty,
    temporal: {
      ...empty.temporal,
      runs: [
        {
          runId: empty.temporal.owner,
          startedAt: at(0),
          endedAt: at(71.4),
          ended: 'completed',
          events: 3_412,
        },
      ],
    },
    versions: {
      report: '0.1.0',
      client: '0.1.0',
      workers: ['0.1.0'],
      sdk: ['temporal-typescript 1.24.0'],
      workerIdentities: ['17@worker-1 pgtrek@worker-1', '17@worker-2 pgtrek@worker-2'],
    },
    name: 'orders-to-aurora',
    summary:
      'It is finished: the target is the primary, after a write pause of 243 ms, and 112 sequences are set; nothing of pgtrek is left behind.',
    status: 'completed',
    mode: 'full-load-and-cdc',
    method: 'stream',
    startedAt: at(0),
    endedAt: at(71.4),
    startedBy: '4711@ops-1',
    source: { host: 'db1.internal', port: 5432, database: 'orders', user: 'mover', server: '15.13' },
    target: {
      host: 'orders.cluster-cw4h2qk9xyzt.eu-central-1.rds.amazonaws.com',
      port: 5432,
      database: 'orders',
      user: 'mover',
      server: '18.1',
    },
    spec: {
      name: 'orders-to-aurora',
      source: { host: 'db1.internal', password: { env: 'SOURCE_PASSWORD' } },
    },
    findings: [
      {
        id: 'source.connection',
        scope: 'source',
        verdict: 'ok',
        why: 'The source answers: PostgreSQL 15.13, as user mover.',
      },
      {
        id: 'source.replica_identity',
        scope: 'source.table public.audit',
        verdict: 'warn',
        why: `Table ${HOSTILE} has no usable replica identity.`,
        remedy:
          'ALTER TABLE public.audit REPLICA IDENTITY FULL; -- each UPDATE then logs the whole old row. Better: ALTER TABLE public.audit ADD PRIMARY KEY (…);',
        fix: { on: 'source', statements: ['ALTER TABLE public.audit REPLICA IDENTITY FULL;'] },
      },
      {
        id: 'source.wal_level',
        scope: 'source',
        verdict: 'block',
        why: 'wal_level of the source is replica; logical replication needs logical.',
        remedy: "ALTER SYSTEM SET wal_level = 'logical';",
        restart: true,
      },
    ],
    estimates: [
      { stage: 'restore', seconds: 70, how: '214 tables and 718 other objects' },
      {
        stage: 'load',
        seconds: 36_000,
        bytes: String(742 * 1024 ** 3),
        how: `742 GB at 21 MB/s, as read from the source just now ${HOSTILE}`,
      },
    ],
    stages: [
      { name: 'validate', status: 'done', startedAt: at(0), endedAt: at(0.001) },
      { name: 'dump', status: 'done', startedAt: at(0.001), endedAt: at(0.002) },
      { name: 'restore', status: 'done', startedAt: at(0.002), endedAt: at(0.02) },
      { name: 'publish', status: 'done', startedAt: at(0.02), endedAt: at(0.021) },
      { name: 'load', status: 'done', startedAt: at(0.021), endedAt: at(9.7) },
      { name: 'subscribe', status: 'done', startedAt: at(9.7), endedAt: at(9.71) },
      { name: 'monitor', status: 'done', startedAt: at(9.71), endedAt: at(47.2) },
      { name: 'stop', status: 'done', startedAt: at(47.2), endedAt: at(47.2001) },
      { name: 'cutover', status: 'done', startedAt: at(47.2001), endedAt: at(47.21) },
      { name: 'protect', status: 'done', startedAt: at(47.21), endedAt: at(71.4) },
    ],
    load: {
      totals: {
        tables: 214,
        tablesCopied: 214,
        parts: 460,
        partsCopied: 460,
        bytesPlanned: String(742 * 1024 ** 3),
        bytesDone: String(742 * 1024 ** 3),
        bytesCopied: String(611 * 1024 ** 3),
        rowsCopied: '4812993001',
        indexes: 530,
        indexesBuilt: 530,
        constraints: 188,
        constraintsBuilt: 188,
      },
      startedAt: at(0.03),
      endedAt: at(8.2),
      bytesPerSecond: 22_300_000,
      tables: tables(),
      tablesTotal: 214,
    },
    flow: {
      figures: 740,
      lagMs: series((n) => 40 + 30 * Math.abs(Math.sin(n / 9)) + (n > 240 && n < 262 ? (n - 240) * 900 : 0)),
      lagBytes: series(
        (n) => 2e5 + 1.5e5 * Math.abs(Math.cos(n / 7)) + (n > 240 && n < 262 ? (n - 240) * 6e7 : 0),
      ),
      retainedBytes: series((n) => 3e8 + (n % 60) * 4e7 + (n > 240 && n < 262 ? (n - 240) * 1.1e9 : 0)),
      walBudget: 50 * 1024 ** 3,
    },
    marks: [
      { at: at(28.1), kind: 'alert', text: 'the lag is 19 s: more than 10 s' },
      {
        at: at(30.6),
        kind: 'schema',
        text: 'the target has now: column public.orders.note was added (text)',
      },
      {
        at: at(47.1),
        kind: 'cutover',
        text: 'the cutover was undone, and the lanes go on: the fence was not had in 5 s',
      },
      { at: at(47.2), kind: 'cutover', text: 'the target is the primary' },
    ],
    cutovers: cutovers(),
    stops: [
      {
        marker: '01a20593-bf40-757b-ad1d-a284df206058:1',
        kind: 'at',
        purpose: 'stop at 2026-11-22T20:00:00Z',
        plannedAt: '2026-11-22T20:00:00.000Z',
        committedAt: '2026-11-22T20:00:00.004Z',
        overshootMs: 4,
        lsn: '16/B374D848',
        lanes: [{ lane, lsn: lsn('16/B374D848') }],
        stoppedAfterMs: 62,
        confirmed: true,
      },
    ],
    verifications: [
      {
        kind: 'point',
        begunAt: at(47.3),
        endedAt: at(49),
        equal: false,
        tables: 214,
        rows: '4812993044',
        chunks: 12_112,
        differences: [
          { table: 'public.orders', key: 'id = 7', kind: 'different' },
          { table: 'public.orders', key: `code = '${HOSTILE}'`, kind: 'missing' },
        ],
        differing: [{ table: 'public.orders', sourceRows: '1200344', targetRows: '1200343', chunks: 2 }],
        differingTables: 1,
        schema: [],
        schemaTotal: 0,
        sequences: [],
        notCompared: [{ table: 'public.notes', why: 'it has no key' }],
      },
    ],
    adoptions: [
      {
        at: at(30.6),
        adopted: [{ kind: 'column-added', object: 'public.orders.note', to: 'text' }],
        left: [],
        tables: [],
      },
    ],
    alerts: [{ text: 'the lag is 19 s: more than 10 s', since: at(28.1), until: at(28.4) }],
    skipped: [
      {
        at: at(33),
        lane: 'pgtrek_orders_1',
        lsn: '16/A0000000',
        text: 'ada left out a transaction of pgtrek_orders_1',
      },
    ],
    messages: [
      {
        at: at(47.1),
        kind: 'update',
        name: 'cutover',
        identity: '4711@ops-1',
        by: 'ada',
        reason: 'CHG-1204',
        argument: { maxPause: '5s' },
      },
      { at: at(47.2), kind: 'signal', name: 'cutover', identity: HOSTILE, by: HOSTILE, reason: 'again' },
    ],
    events: [
      { n: 1, at: at(0), kind: 'stage', text: 'validate begins' },
      { n: 2, at: at(1), kind: 'blocked', text: HOSTILE },
    ],
    outcome: { outcome: 'finished', leftovers: [], sequencesSet: 112, notes: [] },
    ...changes,
  };
}

export function emptyReport(): MigrationReport {
  return buildReport(openCollection(), {
    name: 'orders',
    workflowId: 'pgtrek-orders',
    owner: '01a20593-bf40-757b-ad1d-a284df206058',
    address: 'temporal.internal:7233',
    namespace: 'default',
    taskQueue: 'pgtrek',
    workflow: 'completed',
    isCut: false,
    madeAt: new Date(BEGAN + 72 * HOUR),
  });
}

function series(value: (n: number) => number): SeriesPoint[] {
  return Array.from({ length: 500 }, (_, n) => ({
    at: at(9.71 + (n * 37.5) / 500),
    value: Math.round(value(n)),
  }));
}

function tables(): ReportTable[] {
  return Array.from({ length: 14 }, (_, n) => ({
    table: n === 2 ? `public."${HOSTILE}"` : `public.order_lines_${String(n)}`,
    status: 'ready',
    bytesPlanned: String(Math.round((190 * 1024 ** 3) / (n + 1) ** 1.3)),
    bytesCopied: String(Math.round((160 * 1024 ** 3) / (n + 1) ** 1.3)),
    rows: String(Math.round(1_400_000_000 / (n + 1) ** 1.3)),
    parts: n < 6 ? 40 : 1,
    partsCopied: n < 6 ? 40 : 1,
    ...(n < 9 ? { bytesPerSecond: 6_100_000 + n * 10_000 } : {}),
  }));
}

function cutovers(): MigrationReport['cutovers'] {
  return [
    {
      outcome: 'undone',
      at: at(47.1),
      direction: 'forward',
      reasons: ['The fence was not had in 5 s: process 4411 (batch) holds a lock on public.orders.'],
      fence: {
        kind: 'lock',
        begunAt: at(47.099),
        steps: [{ step: 'pause-clients', ms: 8 }],
        pauseMs: 5_020,
        cancelled: 31,
        ended: 0,
        hooks: [],
        warnings: [],
      },
    },
    {
      outcome: 'done',
      at: at(47.2),
      direction: 'forward',
      reasons: [],
      sequencesSet: 112,
      fence: {
        kind: 'lock',
        begunAt: at(47.1999),
        steps: [
          { step: 'fence', ms: 71 },
          { step: 'markers', ms: 82 },
          { step: 'stopped', ms: 129 },
          { step: 'decided', ms: 140 },
          { step: 'read-only', ms: 155 },
          { step: 'sessions-ended', ms: 181 },
          { step: 'sequences', ms: 206 },
          { step: 'proof', ms: 219 },
          { step: 'open', ms: 243 },
          { step: 'released', ms: 251 },
        ],
        pauseMs: 243,
        cancelled: 5,
        ended: 48,
        marker: lsn('16/C0000028'),
        lanes: [{ lane, lsn: lsn('16/C0000028') }],
        transactionsAfterMarker: 0,
        hooks: [
          {
            n: 1,
            kind: 'pgbouncer',
            moment: 'open',
            ok: true,
            attempts: 1,
            ms: 22,
            text: 'orders points at the target',
          },
        ],
        warnings: ['Large objects were not brought along.'],
      },
    },
  ];
}
