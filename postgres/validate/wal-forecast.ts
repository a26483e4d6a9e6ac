/** How much WAL the slots will hold back on the source while the load runs, against what limits it. */
import type { Estimate, Finding } from '../../contract/findings.js';
import type { Spec } from '../../contract/spec.js';
import { bytesOf } from '../../contract/values.js';
import type { Session } from '../session.js';
import { rateOf, secondsOfLoad } from './estimate.js';
import type { Wal } from './measure-wal.js';
import { APPLIED } from './paces.js';
import { parameterRemedy } from './parameter.js';
import { tellBytes, tellRate, tellSeconds } from './tell-figures.js';

// Rates and times are off by a factor of two now and then.
const SHARE = 0.5;
const ROOM = 4;

const GB = 1024 ** 3;

interface Limit {
  name: string;
  bytes: number;
  /** What happens when it is reached. */
  consequence: string;
  remedy: (enough: number) => Promise<string>;
}

export async function forecastWal(
  source: Session,
  { spec, wal, estimates }: { spec: Spec; wal: Wal; estimates: Estimate[] },
): Promise<Finding[]> {
  const finding = { id: 'source.wal_forecast', scope: 'source' };
  const limits = limitsOf(source, spec, wal);
  const named = limits.map(({ name, bytes }) => `${name} is ${tellBytes(bytes)}`).join(', ');
  const rate = rateOf(wal);
  if (rate === undefined) {
    const why = `How much WAL will wait for the slots during the load cannot be known: the source writes none now${named && ` (${named})`}.`;
    return [{ ...finding, verdict: 'ok', why }];
  }
  const seconds = secondsOfLoad(estimates);
  const bytes = rate * seconds;
  const forecast = `About ${tellBytes(bytes)} of WAL will wait for the slots, of all lanes together, while the load runs: ${tellRate(rate)} (${tellSource(wal)}) for ${tellSeconds(seconds)}`;
  const small = limits.filter((limit) => bytes > limit.bytes * SHARE);
  if (small.length > 0) {
    const reached = small.map((limit) => `${limit.name} is ${tellBytes(limit.bytes)}: ${limit.consequence}`);
    const enough = Math.ceil((bytes * ROOM) / GB);
    const remedies = await Promise.all(small.map(({ remedy }) => remedy(enough)));
    const why = `${forecast}. ${reached.join('. ')}.`;
    return [
      { ...finding, verdict: 'warn', why, remedy: `${remedies.join(' ')} -- or load at a quieter time` },
    ];
  }
  const room =
    bytes > wal.checkpointBytes
      ? `; max_wal_size (${tellBytes(wal.checkpointBytes)}) does not limit that: the source's disk needs room for it`
      : '';
  // A burst within less than a second is no rate.
  if (rate >= APPLIED && (wal.seconds >= 1 || rate !== wal.now)) {
    const why = `${forecast}${room}; a lane applies about ${tellRate(APPLIED)}, as in docs/performance.md, and might never catch up.`;
    const remedy = 'Load at a quieter time, leave out what is not needed (select), or try more cdc.lanes.';
    return [{ ...finding, verdict: 'warn', why, remedy }];
  }
  return [{ ...finding, verdict: 'ok', why: `${forecast}${room}${named && `; ${named}`}.` }];
}

function tellSource({ now, seconds, average }: Wal): string {
  if (average && average.bytesPerSecond > now)
    return `on average since its statistics were reset ${tellSeconds(average.seconds)} ago; ${tellRate(now)} now`;
  return `as measured just now for ${seconds.toFixed(1)} s`;
}

function limitsOf(source: Session, { cdc }: Spec, { keepBytes }: Wal): Limit[] {
  const budget = cdc.walBudget === undefined ? undefined : bytesOf(cdc.walBudget);
  const keep: Limit[] =
    keepBytes === undefined
      ? []
      : [
          {
            name: 'max_slot_wal_keep_size',
            bytes: keepBytes,
            consequence: 'a slot that holds back more is lost, and its tables are loaded again',
            remedy: async (gigabytes) => {
              const change = { name: 'max_slot_wal_keep_size', value: `${gigabytes}GB`, restart: false };
              return (await parameterRemedy(source, change)).remedy ?? '';
            },
          },
        ];
  const ours: Limit[] =
    budget === undefined
      ? []
      : [
          {
            name: 'cdc.walBudget',
            bytes: budget,
            consequence: CONSEQUENCES[cdc.onWalBudget],
            remedy: (gigabytes) =>
              Promise.resolve(
                `Set cdc.walBudget: ${gigabytes}GB in the spec, where the source has the room.`,
              ),
          },
        ];
  return [...keep, ...ours];
}

const CONSEQUENCES: Record<Spec['cdc']['onWalBudget'], string> = {
  alert: 'it is told when that is used up',
  pause: 'the load pauses when that is used up, which frees none of it',
  release:
    'the slot that holds back the most is dropped when that is used up, and its tables are loaded again',
};
