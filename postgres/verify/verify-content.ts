/** Compares both databases inside both servers. */
import { PgtrekError } from '../../contract/errors.js';
import type { LaneName } from '../../contract/names.js';
import type { Verification, VerifyKind } from '../../contract/verification.js';
import type { Job } from '../job.js';

export interface VerifyAsked {
  kind: VerifyKind;
  lanes: LaneName[];
  /** Patterns; absent: all tables that the migration carries. */
  tables?: string[] | undefined;
  repair?: boolean | undefined;
  onStep: (text: string) => void;
}

export function verifyContent(_job: Job, _asked: VerifyAsked): Promise<Verification> {
  throw new PgtrekError('NOT_BUILT_YET', 'verification');
}
