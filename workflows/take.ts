/** What an accepted message changes. The stages see it at their next wait. */
import type { MessageName, MessageShapes, Sender, StopMessage } from '../contract/message-shapes.js';
import type { StopPlan } from '../contract/state.js';
import { takeRetry } from './apply-errors.js';
import { showDetails } from './details.js';
import { hasFence, note, planStop } from './run.js';
import type { MigrationRun } from './run.js';
import { canAdopt } from './schema-change.js';
import { goOn } from './stage.js';

export function take<Name extends MessageName>(
  run: MigrationRun,
  name: Name,
  message: MessageShapes[Name],
): void {
  const by = message.by ? ` by ${message.by}` : '';
  const reason = message.reason ? `: ${message.reason}` : '';
  note(run, name, `${name} was asked for${by}${reason}`);
  TAKE[name](run, message);
  showDetails(run);
}

const TAKE: { [Name in MessageName]: (run: MigrationRun, message: MessageShapes[Name]) => void } = {
  retry: (run, message) => {
    takeRetry(run, message);
    run.asked.retries += 1;
  },
  finish: (run) => {
    run.asked.finish = true;
    unblock(run);
  },
  abort: (run, message) => {
    run.asked.abort = message;
    run.work?.cancel();
  },
  restartOnSchemaChange: (run, message) => {
    if (!message.full && canAdopt(run)) {
      run.asked.adopt = true;
      delete run.state.paused;
      unblock(run);
      return;
    }
    run.asked.restart = message;
    run.work?.cancel();
  },
  stop: (run, message) => {
    const plan = planOf(message, run.state.stop);
    if (run.progress.report) leaveMarker(run);
    planStop(run, plan);
    note(run, 'stop-planned', describePlan(plan));
  },
  pause: (run, message) => {
    run.state.paused = { since: new Date().toISOString(), ...byOf(message) };
    goOn(run);
  },
  resume: (run) => {
    if (run.state.paused) {
      delete run.state.paused;
      if (run.state.status === 'paused') goOn(run);
      return;
    }
    leaveMarker(run);
    planStop(run, { kind: 'never', then: run.state.stop?.then ?? 'finish' });
  },
  cutover: (run, message) => {
    // Those who have written since the lanes stand are to be brought over.
    if (run.progress.report && hasFence(run)) {
      leaveMarker(run);
      planStop(run, { kind: 'never', then: 'wait' });
    }
    run.asked.cutover = message;
  },
  rollback: (run, message) => {
    run.asked.cutover = message;
  },
  verify: (run, message) => {
    run.asked.verify = message;
    run.state.verifying = { since: new Date().toISOString(), ...byOf(message) };
  },
  setLoad: (run, { jobs, indexJobs }) => {
    if (!run.state.load) return;
    if (jobs !== undefined) run.state.load.jobs = jobs;
    if (indexJobs !== undefined) run.state.load.indexJobs = indexJobs;
    note(run, 'load', `jobs ${String(run.state.load.jobs)}, indexJobs ${String(run.state.load.indexJobs)}`);
  },
};

/** The lanes stand at a stop: they go on, and monitor begins again. */
function leaveMarker(run: MigrationRun): void {
  run.asked.resume = true;
  unblock(run);
}

/** What is asked for at a stop takes the place of whatever blocks there. */
function unblock(run: MigrationRun): void {
  if (run.state.status === 'blocked') run.asked.retries += 1;
}

function byOf({ by }: Sender): { by?: string } {
  return by === undefined ? {} : { by };
}

/** What `then` does not say stays as it was planned. */
function planOf(message: StopMessage, before: StopPlan | undefined): StopPlan {
  const then = message.then ?? before?.then ?? 'finish';
  if (message.at !== undefined) return { kind: 'at', at: message.at, then };
  if (message.lsn !== undefined) return { kind: 'lsn', lsn: message.lsn, then };
  return { kind: message.now ? 'now' : 'never', then };
}

function describePlan({ kind, at, lsn, then }: StopPlan): string {
  if (kind === 'never') return 'no stop is planned';
  return `stop ${kind === 'now' ? 'now' : `at ${at ?? lsn ?? ''}`}, then ${then}`;
}
