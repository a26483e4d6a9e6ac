import type { Migration, MigrationState, Verification } from '../client/index.js';

/** How a comparison that was asked for came out. `state` is the last that was seen. */
export type VerificationEnd =
  | { kind: 'report'; verification: Verification; state: MigrationState }
  /** It ended without a result: the events tell why. */
  | { kind: 'failed'; state: MigrationState }
  /** Somebody ended the migration meanwhile. */
  | { kind: 'ended'; state: MigrationState }
  /** It goes on, and nobody waits any more. */
  | { kind: 'left'; state: MigrationState };

export interface VerificationWait {
  /** As it was before it was asked for: a former result may still be in it. */
  before: MigrationState;
  asked: MigrationState;
  signal: AbortSignal;
  onStep: (text: string) => void;
}

/** A small database is compared in no time: a person should see it end at once. */
const LOOK_EVERY_MS = 300;

export async function awaitVerification(
  migration: Migration,
  { before, asked, signal, onStep }: VerificationWait,
): Promise<VerificationEnd> {
  let state = asked;
  let wasSeen = asked.verifying !== undefined;
  for await (const view of migration.watch({ intervalMs: LOOK_EVERY_MS, signal })) {
    ({ state } = view);
    const { verification, verifying } = state;
    if (verification && verification.begunAt !== before.verification?.begunAt && !verifying)
      return { kind: 'report', verification, state };
    if (view.workflow !== 'running') return { kind: 'ended', state };
    if (wasSeen && !verifying) return { kind: 'failed', state };
    wasSeen ||= verifying !== undefined;
    for (const live of view.live) if (live.kind === 'step') onStep(live.text);
  }
  return { kind: 'left', state };
}
