/** How hard a comparison works. */
import type { Spec } from '../../contract/spec.js';
import { bytesOf } from '../../contract/values.js';

export interface VerifySettings {
  /** Chunks compared at the same time. */
  jobs: number;
  chunkBytes: number;
  bytesPerSecond: number | undefined;
}

/** A spec that an older version completed says nothing of it. */
export function verifySettings(spec: Spec): VerifySettings {
  const { verify } = spec as Partial<Pick<Spec, 'verify'>>;
  const { jobs, chunkSize, bytesPerSecond } = verify ?? { jobs: 2, chunkSize: '64MB' };
  return {
    jobs,
    chunkBytes: bytesOf(chunkSize) ?? Infinity,
    bytesPerSecond: bytesPerSecond === undefined ? undefined : bytesOf(bytesPerSecond),
  };
}
