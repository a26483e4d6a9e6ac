/** The same migration the other way round. Pure. */
import type { Run } from './activities.js';
import type { Spec } from './spec.js';

/**
 * What an activity gets to work on lanes that flow from the target to the source: a migration of mode `cdc`, into tables that are there
 * already. Reversed twice it is `cdc` from the source to the target again.
 */
export function reversedRun(run: Run): Run {
  return { ...run, spec: reversedSpec(run.spec) };
}

/** Of a spec as `reversedRun` makes it. */
export function reversedSpec(spec: Spec): Spec {
  return {
    ...spec,
    mode: 'cdc',
    source: spec.target,
    target: spec.source,
    cdc: { ...spec.cdc, start: 'now', stop: { never: true, then: 'wait' }, onSchemaChange: 'pause' },
  };
}
