/** Every situation in which a message may arrive, as handlers.ts would describe it. */
import type { Direction } from '../../contract/cutover.js';
import { stagesOf } from '../../contract/state.js';
import { laneName } from '../../contract/names.js';
import type { Lsn } from '../../contract/names.js';
import type {
  ApplyError,
  CutoverReport,
  Drift,
  LoadMethod,
  MigrationState,
  Mode,
  StageName,
  Status,
} from '../../contract/state.js';
import type { ErrorCode } from '../../contract/errors.js';
import type { Situation } from '../../workflows/accept.js';

interface Brief extends Partial<Omit<Situation, 'state'>> {
  stage: StageName;
  status?: Status;
  mode?: Mode;
  method?: LoadMethod;
  blockedBy?: ErrorCode;
  /** LSN of the transaction that cannot be applied. */
  failing?: string;
  paused?: true;
  drift?: true;
  cutover?: CutoverReport['outcome'];
  /** Of the cutover. */
  fenced?: true;
  direction?: Direction;
  verifying?: true;
}

const AT = '2026-12-01T02:00:00Z';
const COMMITTED = { markerCommitted: true } as const;
const STANDING = { ...COMMITTED, standing: true, status: 'stopped' } as const;
const CUT_OVER = { ...STANDING, stage: 'cutover', cutover: 'done' } as const;
const TURNED = { cutover: 'done', fenced: true, direction: 'back' } as const;
const BLOCKED = { status: 'blocked', blockedBy: 'SQL_FAILED' } as const;
const PAUSED = { status: 'paused', paused: true } as const;
const NATIVE = { method: 'native' } as const;
const CDC = { mode: 'cdc' } as const;
const FULL_LOAD = { mode: 'full-load' } as const;
const BY_DUMP = { ...FULL_LOAD, method: 'dump' } as const;

export const SITUATIONS: Record<string, Brief> = {
  validating: { stage: 'validate' },
  dumping: { stage: 'dump' },
  loading: { stage: 'load' },
  'loading, the marker committed': { stage: 'load', ...COMMITTED },
  monitoring: { stage: 'monitor' },
  'monitoring, drift reported': { stage: 'monitor', drift: true },

  'paused in load': { stage: 'load', ...PAUSED },
  'paused in monitor': { stage: 'monitor', ...PAUSED },
  'paused, the marker of a stop committed': { stage: 'monitor', ...PAUSED, ...COMMITTED },
  'paused, and blocked in load': { stage: 'load', ...PAUSED, ...BLOCKED },

  'blocked in validate': { stage: 'validate', ...BLOCKED, blockedBy: 'VALIDATION_FAILED' },
  'blocked in load': { stage: 'load', ...BLOCKED },
  'blocked by SCHEMA_CHANGED': { stage: 'load', ...BLOCKED, blockedBy: 'SCHEMA_CHANGED' },
  'blocked in monitor': { stage: 'monitor', ...BLOCKED },
  'blocked by APPLY_ERROR': { stage: 'monitor', ...BLOCKED, blockedBy: 'APPLY_ERROR', failing: '0/1A' },
  'blocked by another transaction': {
    stage: 'stop',
    ...COMMITTED,
    ...BLOCKED,
    blockedBy: 'APPLY_ERROR',
    failing: '0/2B',
  },

  'the marker committed, not standing': { stage: 'stop', ...COMMITTED },
  'the marker committed, and blocked': { stage: 'stop', ...COMMITTED, ...BLOCKED },
  'standing after a stop': { stage: 'stop', ...STANDING },
  'standing after a stop, drift reported': { stage: 'stop', ...STANDING, drift: true },
  'standing after a stop, and blocked': { stage: 'stop', ...STANDING, ...BLOCKED },
  'standing again after a former cutover': { stage: 'stop', ...STANDING, cutover: 'done' },
  'standing after a cutover': CUT_OVER,
  'standing after a cutover, drift': { ...CUT_OVER, drift: true },

  'resume under way': { stage: 'stop', ...STANDING, status: 'running', underWay: 'resume' },
  'resume under way, and blocked': { stage: 'monitor', ...BLOCKED, underWay: 'resume' },
  'cutover under way': { stage: 'monitor', underWay: 'cutover' },
  'cutover under way, and blocked': { stage: 'stop', ...COMMITTED, ...BLOCKED, underWay: 'cutover' },
  'restart under way': { stage: 'monitor', drift: true, underWay: 'restart' },
  'restart under way, and blocked': { stage: 'monitor', ...BLOCKED, underWay: 'restart' },
  finishing: { stage: 'stop', ...STANDING, status: 'running', underWay: 'finish' },
  'finishing, and blocked': { stage: 'stop', ...STANDING, ...BLOCKED, underWay: 'finish' },
  aborting: { stage: 'load', underWay: 'abort' },
  completed: { stage: 'stop', ...STANDING, status: 'completed', underWay: 'finish' },
  aborted: { stage: 'load', status: 'aborted', underWay: 'abort' },

  'the target is the primary, no way back': {
    stage: 'cutover',
    status: 'stopped',
    cutover: 'done',
    fenced: true,
  },
  protecting: { stage: 'protect', ...TURNED },
  'protecting, and blocked': { stage: 'protect', ...TURNED, ...BLOCKED },
  'protecting, and paused': { stage: 'protect', ...TURNED, ...PAUSED },
  'rollback under way': { stage: 'rollback', ...TURNED, underWay: 'cutover' },
  'rolled back': { stage: 'monitor', ...TURNED, direction: 'forward', drift: true },
  'both databases are compared': { stage: 'monitor', verifying: true },

  'full-load/stream, loading': { ...FULL_LOAD, stage: 'load' },
  'full-load/stream, paused in load': { ...FULL_LOAD, stage: 'load', ...PAUSED },
  'full-load/stream, blocked in load': { ...FULL_LOAD, stage: 'load', ...BLOCKED },
  'full-load/dump, restoring': { ...BY_DUMP, stage: 'restore' },
  'full-load/dump, finishing': { ...BY_DUMP, stage: 'restore', underWay: 'finish' },
  'native, restoring': { ...NATIVE, stage: 'restore' },
  'native, loading': { ...NATIVE, stage: 'load' },
  'native, monitoring': { ...NATIVE, stage: 'monitor' },
  'cdc, validating': { ...CDC, stage: 'validate' },
  'cdc, monitoring, drift reported': { ...CDC, stage: 'monitor', drift: true },
  'cdc, standing after a stop': { ...CDC, stage: 'stop', ...STANDING },
};

export function situationNamed(name: string): Situation {
  const brief = SITUATIONS[name];
  if (!brief) throw new Error(`no such situation: ${name}`);
  const { markerCommitted = false, standing = false, underWay } = brief;
  return { state: stateOf(brief), markerCommitted, standing, underWay };
}

function stateOf(brief: Brief): MigrationState {
  const { stage, status = 'running', mode = 'full-load-and-cdc', method = 'stream' } = brief;
  const names = stagesOf(mode, method);
  if (!names.includes(stage) || stage === 'cutover') names.push(stage);
  const now = names.indexOf(stage);
  const isPlanned = stage !== 'validate' || status === 'blocked';
  return {
    version: 1,
    name: 'orders',
    owner: 'run',
    mode,
    method,
    status,
    stage,
    stages: names.map((each, index) => ({
      name: each,
      status: index < now ? 'done' : index === now ? 'running' : 'waiting',
    })),
    lanes: [],
    totals: {
      tables: 0,
      tablesCopied: 0,
      parts: 0,
      partsCopied: 0,
      bytesPlanned: '0',
      bytesDone: '0',
      bytesCopied: '0',
      rowsCopied: '0',
      indexes: 0,
      indexesBuilt: 0,
      constraints: 0,
      constraintsBuilt: 0,
    },
    findings: [],
    events: [],
    ...(isPlanned ? { load: { jobs: 4, indexJobs: 2 } } : {}),
    ...(brief.blockedBy
      ? {
          blocked: {
            stage,
            code: brief.blockedBy,
            message: 'it',
            since: AT,
            ...(brief.failing === undefined ? {} : { applyError: failingAt(brief.failing) }),
          },
        }
      : {}),
    ...(brief.paused ? { paused: { since: AT } } : {}),
    ...(brief.drift ? { drift: DRIFT } : {}),
    ...(brief.cutover
      ? {
          cutover: { outcome: brief.cutover, at: AT, reasons: [], ...(brief.fenced ? { fence: FENCE } : {}) },
        }
      : {}),
    ...(brief.direction ? { direction: brief.direction } : {}),
    ...(brief.verifying ? { verifying: { since: AT } } : {}),
  };
}

const FENCE: NonNullable<CutoverReport['fence']> = {
  kind: 'lock',
  begunAt: AT,
  steps: [],
  pauseMs: 100,
  cancelled: 0,
  ended: 0,
  hooks: [],
  warnings: [],
};

function failingAt(lsn: string): ApplyError {
  return {
    lane: laneName('orders', 1),
    lsn: lsn as Lsn,
    xid: '7',
    committedAt: AT,
    operation: 'insert',
    table: 'public.orders',
    message: 'no',
    changes: 1,
  };
}

const DRIFT: Drift = { since: AT, changes: [], total: 1, digest: 'd' };
