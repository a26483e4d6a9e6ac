import { createLiveScreen } from '../../cli/live-screen.js';
import { terminalOf } from '../../cli/output.js';
import { renderChanges } from '../../cli/render/changes.js';
import { paintWith } from '../../cli/render/colour.js';
import { formatCount } from '../../cli/render/format.js';
import { renderStatus } from '../../cli/render/status.js';
import { cutTo } from '../../cli/render/text.js';
import type { Migration, MigrationView } from '../../client/index.js';
import type { Writer } from '../writer.js';
import type { Narrator } from './narrator.js';

export interface ShowOptions {
  narrator: Narrator;
  migration: Migration;
  writer: Writer;
  /** The migration's page in the Web UI. */
  uiUrl: string;
  /** For the headline. */
  ends: { source: string; target: string };
  signal: AbortSignal;
}

// Twice a second: the load of the sample takes only a few.
const LOOK_EVERY_MS = 500;

/** Shows the migration until it ends or blocks: on a terminal as a picture, elsewhere as lines of what changed. */
export async function showMigration(options: ShowOptions): Promise<MigrationView> {
  const { migration, narrator, signal } = options;
  const show = narrator.stream.isTTY ? drawer(options) : logger(narrator);
  let last: MigrationView | undefined;
  for await (const view of migration.watch({ intervalMs: LOOK_EVERY_MS })) {
    if (signal.aborted) break;
    show(view);
    last = view;
    if (view.state.status === 'blocked') break;
  }
  if (!last) throw new Error('the demo ended before its migration was seen');
  return last;
}

function drawer({ narrator, writer, uiUrl, ends }: ShowOptions): (view: MigrationView) => void {
  const { stream } = narrator;
  const screen = createLiveScreen(stream);
  const rate = new Rate();
  return ({ state, live, load, workflow, problem }) => {
    const { width, colour } = terminalOf(stream);
    const paint = paintWith(colour);
    const { committed } = writer.report();
    const head = [
      `${paint.dim('Web UI')}  ${uiUrl}`,
      `${paint.dim('writer')}  ${formatCount(committed)} transactions on the source, ${formatCount(rate.measure(committed))} a second now`,
      '',
    ];
    const status = renderStatus(state, live, {
      width,
      colour,
      ends,
      workflow,
      ...(load === undefined ? {} : { load }),
      ...(problem === undefined ? {} : { problem: problem.message }),
    });
    screen.draw([...head.map((line) => cutTo(line, width)), ...status]);
  };
}

function logger({ say }: Narrator): (view: MigrationView) => void {
  let before: MigrationView | undefined;
  return (view) => {
    const lines = renderChanges(before, view);
    if (lines.length > 0) say(lines);
    before = view;
  };
}

const RATE_OVER_MS = 2_000;

/** Transactions a second over the last two seconds. */
class Rate {
  #samples: { at: number; count: number }[] = [];

  measure(count: number): number {
    const at = performance.now();
    this.#samples.push({ at, count });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= RATE_OVER_MS)
      this.#samples.shift();
    const first = this.#samples[0];
    return first && at > first.at ? Math.round(((count - first.count) / (at - first.at)) * 1_000) : 0;
  }
}
