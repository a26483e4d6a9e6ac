/** Pipes COPY TO of the source into COPY FROM of the target: bytes pass through, and no value is read. */
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { messageOf, sqlState } from '../classify-error.js';
import type { Observer } from '../endpoint.js';
import type { Session } from '../session.js';
import { TableRewritten } from './compare-heap.js';
import type { Pace } from './pace.js';

export interface RowPipe {
  source: Session;
  target: Session;
  /** COPY … TO STDOUT */
  read: string;
  /** COPY … FROM STDIN */
  write: string;
  pace: Pace | undefined;
  /** Called as bytes pass, with the sum so far. */
  onBytes: (bytes: number) => void;
  observer: Observer | undefined;
}

/** Of the source: no such table, column or schema; or something else of that name. */
const GONE = new Set(['42P01', '42703', '3F000', '42809']);

/**
 * Both sessions must be in their transactions. After an error both are destroyed, as a COPY that broke off leaves
 * connections that can do nothing else. Throws TableRewritten when the source has the table no longer as it was.
 */
export async function copyRows(pipe: RowPipe): Promise<{ rows: number; bytes: number }> {
  const { source, target } = pipe;
  const output = source.client.query(copyTo(pipe.read));
  const input = target.client.query(copyFrom(pipe.write));
  const meter = new Meter(pipe);
  let failed: 'source' | 'target' | undefined;
  output.once('error', () => (failed ??= 'source'));
  input.once('error', () => (failed ??= 'target'));
  try {
    await pipeline(output, meter, input);
  } catch (error) {
    source.destroy();
    target.destroy();
    const isGone = failed === 'source' && GONE.has(sqlState(error) ?? '');
    throw isGone
      ? new TableRewritten(`The source has it no longer as it was: ${messageOf(error)}.`, { cause: error })
      : error;
  }
  return { rows: input.rowCount, bytes: meter.bytes };
}

/** Counts what passes, and holds it up to keep the pace. */
class Meter extends Transform {
  bytes = 0;
  private readonly order: RowPipe;
  private timer: NodeJS.Timeout | undefined;

  constructor(order: RowPipe) {
    super();
    this.order = order;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const { observer, onBytes, pace } = this.order;
    const isFirst = this.bytes === 0;
    this.bytes += chunk.length;
    onBytes(this.bytes);
    const wait = pace?.next(chunk.length) ?? 0;
    if (wait > 0) this.timer = setTimeout(() => done(null, chunk), wait);
    else if (isFirst && observer)
      Promise.resolve(observer('before', 'copy-data')).then(() => done(null, chunk), done);
    else done(null, chunk);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.timer);
    done(error);
  }
}
