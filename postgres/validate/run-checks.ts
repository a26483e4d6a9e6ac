/** Runs the checks one after the other. One that cannot be made is a finding, and hides no other. */
import type { Finding } from '../../contract/findings.js';
import type { Mode } from '../../contract/state.js';
import type { Check, Facts } from './check.js';
import { failedCheck, isOfCheck } from './failed-check.js';

interface Run {
  mode: Mode;
  facts: Facts;
  /** Gets the findings, at which later checks look. */
  found: Finding[];
  signal: AbortSignal | undefined;
}

export async function runChecks(checks: Check[], { mode, facts, found, signal }: Run): Promise<void> {
  for (const check of checks.filter(({ modes }) => modes.includes(mode))) {
    signal?.throwIfAborted();
    found.push(...(await runCheck(check, facts)));
  }
}

/** A server that does not let us make a check is found; a lost connection is an error, and validate is tried again. */
async function runCheck(check: Check, { source, target }: Facts): Promise<Finding[]> {
  try {
    if (check.on === 'source') return source ? await check.run(source) : [];
    if (check.on === 'target') return target ? await check.run(target) : [];
    return source && target ? await check.run({ ...source, ...target }) : [];
  } catch (error) {
    const asked = source ?? target;
    if (!asked || !isOfCheck(error)) throw error;
    // For the way back they are exchanged, and keep the names of their ends.
    const session = check.on === 'both' ? undefined : check.on === 'source' ? source?.source : target?.target;
    const on = session?.endpoint.end ?? 'both';
    return [failedCheck(error, { check: nameOf(check), on, spec: asked.spec })];
  }
}

/** `checkOpenTransactions` is the check open_transactions. */
function nameOf({ run }: Check): string {
  return run.name
    .replace(/^(check|compare)/, '')
    .replace(/\B[A-Z]/g, (letter) => `_${letter}`)
    .toLowerCase();
}
