/** What a hook of a cutover is told: as JSON, and in variables for programs that do not read it. */
import type { Address, Direction, HookMessage, HookMoment } from '../contract/cutover.js';
import type { Job } from '../postgres/job.js';

export interface CutoverFacts {
  /** Id of its marker, which no other cutover of the migration has. */
  marker: string;
  direction: Direction;
}

export function hookMessage(
  { job, facts }: { job: Job; facts: CutoverFacts },
  moment: HookMoment,
): HookMessage {
  const { from, to } = addressesOf(job);
  return {
    version: 1,
    migration: job.name,
    owner: job.owner,
    ...facts,
    moment,
    from,
    to,
    primary: moment === 'open' ? to : from,
  };
}

export function environmentOf(message: HookMessage): Record<string, string> {
  const { migration, moment, direction, from, to, primary } = message;
  return {
    PGTREK_MIGRATION: migration,
    PGTREK_MOMENT: moment,
    PGTREK_DIRECTION: direction,
    ...variablesOf('FROM', from),
    ...variablesOf('TO', to),
    ...variablesOf('PRIMARY', primary),
  };
}

function variablesOf(name: string, { host, port, database }: Address): Record<string, string> {
  return {
    [`PGTREK_${name}_HOST`]: host,
    [`PGTREK_${name}_PORT`]: String(port),
    [`PGTREK_${name}_DATABASE`]: database,
  };
}

export function addressesOf({ spec: { source, target } }: Job): { from: Address; to: Address } {
  return { from: addressOf(source), to: addressOf(target) };
}

function addressOf({ host, port, database }: Address): Address {
  return { host, port, database };
}
