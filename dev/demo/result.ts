import type { MigrationState, StopReport } from '../../client/index.js';
import type { Terminal } from '../../cli/output.js';
import { paintWith } from '../../cli/render/colour.js';
import { formatBytes, formatCount, formatDuration, formatMany } from '../../cli/render/format.js';
import { padTo, plain, widthOf, wrapTo } from '../../cli/render/text.js';
import type { OracleReport } from '../oracle.js';
import type { WriterReport } from '../writer.js';

/** What the demo has to show for itself. */
export interface Judgement {
  /** The target equals the source as of the stop, by every measure below. */
  exact: boolean;
  servers: { source: number; target: number };
  /** Milliseconds. */
  stages: { stage: string; ms: number }[];
  load: { tables: number; rows: string; bytes: string };
  stop: StopReport;
  writer: WriterReport;
  proof: OracleReport;
  /** The sum of all accounts: on the source before the writer began, and on the target now. */
  balance: { before: string; target: string };
}

/** With --json this is printed. */
export interface DemoResult extends Judgement {
  /** From start to verdict. */
  seconds: number;
}

export interface Evidence {
  state: MigrationState;
  servers: { source: number; target: number };
  writer: WriterReport;
  proof: OracleReport;
  balance: { before: string; target: string };
}

/** Throws where the migration did not come to its stop. */
export function judge({ state, servers, writer, proof, balance }: Evidence): Judgement {
  const stop = state.stop?.report;
  if (!stop) throw new Error('the migration reports no stop');
  // Without transactions on both sides of the stop, equality would prove little.
  const isTelling = proof.commitsUpToMarker > 0 && proof.commitsAfterMarker > 0;
  return {
    exact: proof.exact && isTelling && balance.before === balance.target,
    servers,
    stages: state.stages.map(({ name, startedAt, endedAt }) => ({
      stage: name,
      ms: Date.parse(endedAt ?? '') - Date.parse(startedAt ?? ''),
    })),
    load: {
      tables: state.totals.tables,
      rows: state.totals.rowsCopied,
      bytes: state.totals.bytesCopied,
    },
    stop,
    writer,
    proof,
    balance,
  };
}

export function renderResult(result: DemoResult, { colour, width }: Terminal): string[] {
  const paint = paintWith(colour);
  const rows = [
    ['stages', result.stages.map(({ stage, ms }) => `${stage} ${formatDuration(ms)}`).join(' · ')],
    ['copied', describeLoad(result)],
    ['stop', describeStop(result.stop)],
    [
      'before it',
      `${formatMany(result.proof.commitsUpToMarker, 'transaction')} of the writer: every one is on the target`,
    ],
    [
      'after it',
      `${formatMany(result.proof.commitsAfterMarker, 'transaction')} on the source: none is on the target`,
    ],
    [
      'compared',
      `${formatMany(result.proof.rowsCompared, 'row')} of ${formatMany(result.proof.tablesCompared, 'table')} with the source as of the stop`,
    ],
    [
      'accounts',
      `sum ${result.balance.target} on the target, ${result.balance.before} before the writer began`,
    ],
  ];
  // These sentences are claims; a proof that failed tells its own.
  const shown = result.proof.exact
    ? rows
    : rows.filter(([name]) => name !== 'before it' && name !== 'after it');
  return [
    '',
    ...shown.flatMap(([name = '', text = '']) =>
      renderRow({ name: paint.dim(padTo(name, NAME_COLUMN)), text, width }),
    ),
    '',
    ...verdict(result, paint),
  ];
}

const NAME_COLUMN = 11;

function renderRow({ name, text, width }: { name: string; text: string; width: number }): string[] {
  const [first = '', ...rest] = wrapTo(text, { width: width - NAME_COLUMN });
  return [`${name}${first}`, ...rest.map((line) => `${' '.repeat(NAME_COLUMN)}${line}`)];
}

function describeLoad({ load }: Judgement): string {
  return `${formatCount(load.rows)} rows of ${formatMany(load.tables, 'table')}, ${formatBytes(load.bytes)}, while the writer wrote`;
}

function describeStop({ plannedAt, committedAt, overshootMs, late }: StopReport): string {
  const over =
    overshootMs === undefined ? '' : `, ${overshootMs} ms after the planned ${clock(plannedAt ?? '')}`;
  return `at ${clock(committedAt)}${over}${late === undefined ? '' : `; late: ${plain(late)}`}`;
}

/** To the millisecond. */
function clock(iso: string): string {
  return new Date(iso).toISOString().slice(11, 23);
}

function verdict({ exact, proof, seconds }: DemoResult, paint: ReturnType<typeof paintWith>): string[] {
  if (exact) {
    const line = '✔ exact: the target equals the source as of the stop';
    return [
      `${paint.bold(paint.green(line))}${' '.repeat(Math.max(1, 60 - widthOf(line)))}(${seconds.toFixed(0)} s in all)`,
    ];
  }
  return [paint.bold(paint.red('✖ NOT exact')), ...proof.problems.map((problem) => `  ${plain(problem)}`)];
}
