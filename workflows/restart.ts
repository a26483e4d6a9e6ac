/** A restart: what was made is removed, and the same migration begins again in a new run. */
import { continueAsNew } from '@temporalio/workflow';
import { removeAll } from './ends.js';
import { firstState } from './first-state.js';
import type { migration } from './migration.js';
import { endNotifying } from './notify.js';
import { note } from './run.js';
import type { Carried, MigrationRun } from './run.js';
import { leaveIfAsked, untilDone } from './stage.js';
import { endStopClock } from './stop-clock.js';
import { untilQuiet } from './watch.js';

/** With the sender's consent: what the restore made on the target is dropped. */
export async function restart(run: MigrationRun): Promise<never> {
  run.ending = 'restart';
  run.slotReady = false;
  delete run.asked.restart;
  await endStopClock(run);
  await untilDone(run, run.state.stage, async () => {
    const { notes } = await removeAll(run, { dropTarget: true, keepFixes: true });
    for (const text of notes) note(run, 'restart', text);
  });
  await endNotifying(run);
  await untilQuiet(run);
  leaveIfAsked(run);
  note(run, 'restarted', 'the migration begins again with the source as it is now');
  return continueAsNew<typeof migration>(run.input, afresh(run));
}

/** Names, numbers and the stop that is planned live on. */
function afresh({ input, owner, state, progress }: MigrationRun): Carried {
  const { lanes, stops, planRevision, events, notified, updates } = progress;
  const fresh = firstState(input, owner);
  fresh.events = state.events;
  if (state.stop) {
    const { report: _, ...plan } = state.stop;
    fresh.stop = plan;
  }
  return {
    state: fresh,
    progress: {
      lanes,
      stops,
      planRevision,
      events,
      copied: false,
      retired: [],
      ...(notified ? { notified } : {}),
      ...(updates ? { updates } : {}),
    },
  };
}
