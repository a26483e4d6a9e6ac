/** What each stage will take, as validate reckons it. Pure. */
import type { Estimate } from '../../client/index.js';
import type { Paint } from './colour.js';
import { formatBytes } from './format.js';
import { padTo, plain, widthOf, wrapTo } from './text.js';

/** `about 12 min, 34 GB` */
export function tellEstimate({ seconds, bytes }: Pick<Estimate, 'seconds' | 'bytes'>): string {
  const size =
    bytes === undefined || bytes === '0' ? '' : `, ${formatBytes(bytes).replace(/(?<=^\d\d)\.\d|\.0/, '')}`;
  return `${formatAbout(seconds)}${size}`;
}

/** As exact as an estimate can be: `about 40 s`, `about 12 min`, `about 3 h 20 min`, `about 5 days`. */
export function formatAbout(seconds: number): string {
  if (seconds < 1) return 'under 1 s';
  if (seconds < 59.5) return `about ${String(Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `about ${String(minutes)} min`;
  const hours = Math.floor(minutes / 60);
  const rest = Math.floor((minutes % 60) / 10) * 10;
  if (hours < 10) return `about ${String(hours)} h${rest === 0 ? '' : ` ${String(rest)} min`}`;
  if (minutes < 48 * 60) return `about ${String(Math.round(minutes / 60))} h`;
  return `about ${String(Math.round(minutes / 1_440))} days`;
}

/** None where nothing could be reckoned. */
export function renderEstimates(
  estimates: Estimate[],
  { width, paint }: { width: number; paint: Paint },
): string[] {
  if (estimates.length === 0) return [];
  const rows = estimates.map((estimate) => ({
    stage: plain(estimate.stage),
    told: tellEstimate(estimate),
    how: estimate.how,
  }));
  const sum = estimates.reduce((all, { seconds }) => all + seconds, 0);
  if (rows.length > 1) rows.push({ stage: 'in all', told: formatAbout(sum), how: '' });
  const stageWidth = Math.max(...rows.map(({ stage }) => stage.length));
  const toldWidth = Math.max(...rows.map(({ told }) => widthOf(told)));
  const column = 2 + stageWidth + 2 + toldWidth + 2;
  const isBeside = width - column >= LEAST_BESIDE;
  return [
    paint.bold('What the stages will take'),
    ...rows.flatMap(({ stage, told, how }) => {
      const line = `  ${padTo(stage, stageWidth)}  ${told}`;
      if (how === '') return [line];
      if (!isBeside) return [line, ...wrapTo(how, { width, indent: '    ' }).map(paint.dim)];
      const [first = '', ...rest] = wrapTo(how, { width: width - column });
      return [
        padTo(line, column) + paint.dim(first),
        ...rest.map((text) => ' '.repeat(column) + paint.dim(text)),
      ];
    }),
  ];
}

/** Columns below which a text beside others is broken too often to be read. */
const LEAST_BESIDE = 36;
