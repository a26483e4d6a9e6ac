/** pgtrek as it makes its lanes itself: paused while the backlog is written, and resumed. */
import type { MigrationState } from '../../client/index.js';
import { specBetween } from '../load/pgtrek-spec.js';
import type { Arena } from '../load/subject.js';
import { startParts, untilState } from '../pgtrek-parts.js';
import type { ApplySubject, Replica } from './subject.js';

export const pgtrek: ApplySubject = {
  name: 'pgtrek',
  needsPgtrek: true,
  prepare: (arena) => follow(arena, 1),
};

export const pgtrekTwoLanes: ApplySubject = {
  name: 'pgtrek-2-lanes',
  needsPgtrek: true,
  prepare: (arena) => follow(arena, 2),
};

async function follow(arena: Arena, lanes: number): Promise<Replica> {
  const parts = await startParts(arena);
  arena.memory.count(parts.workerPid);
  const migration = await parts.pgtrek.start({
    ...specBetween(arena),
    cdc: { stop: { never: true }, lanes },
  });
  const until = async (isSo: (state: MigrationState) => boolean) => {
    await Promise.race([untilState(migration, isSo, arena.signal), parts.diesEarly]);
  };
  await until(({ stage, lanes: all }) => stage === 'monitor' && all.every(isApplying));
  return {
    hold: async () => {
      await migration.pause();
      await until(({ lanes: all }) => all.every(({ status }) => status === 'stopped'));
    },
    letGo: async () => {
      await migration.resume();
      await until(({ lanes: all }) => all.every(isApplying));
    },
  };
}

function isApplying({ status }: MigrationState['lanes'][number]): boolean {
  return status === 'applying';
}
