/** What a spec's `cutover.hooks` call: commands, HTTP, PgBouncer. */
import type { HookMoment, HookResult } from '../contract/cutover.js';
import type { Job } from '../postgres/job.js';
import type { ActivityDependencies } from './step.js';

/** Never throws: each result tells how it went. `undo` calls those alone whose `before` was called. */
export type Hooks = (moment: HookMoment, signal: AbortSignal) => Promise<HookResult[]>;

export function createHooks(_dependencies: ActivityDependencies, _job: Job): Hooks {
  return () => Promise.resolve([]);
}
