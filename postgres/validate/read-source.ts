/** What the source holds, which its checks go by. */
import type { Finding } from '../../contract/findings.js';
import type { Spec } from '../../contract/spec.js';
import { readSelection } from '../selection.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { failedCheck, isOfCheck } from './failed-check.js';

interface Read {
  /** Absent when it could not be read. */
  source: Pick<OnSource, 'source' | 'relations' | 'selection'> | undefined;
  findings: Finding[];
}

/** A table that somebody holds cannot be measured: then all sizes are those that are recorded. */
export async function readSource(source: Session, spec: Spec): Promise<Read> {
  try {
    return { source: { source, ...(await readSelection(source, spec)) }, findings: [] };
  } catch (error) {
    if (!isOfCheck(error)) throw error;
    return readRecorded(source, spec, failedCheck(error, { check: 'sizes', on: 'source', spec }));
  }
}

async function readRecorded(source: Session, spec: Spec, finding: Finding): Promise<Read> {
  try {
    const found = await readSelection(source, spec, 'recorded');
    const why = `${finding.why} Taken instead as VACUUM and ANALYZE have last recorded them.`;
    return { source: { source, ...found }, findings: [{ ...finding, why }] };
  } catch (error) {
    if (!isOfCheck(error)) throw error;
    const failed = failedCheck(error, { check: 'relations', on: 'source', spec });
    const why = `${failed.why} No other check of the source was made.`;
    return { source: undefined, findings: [{ ...failed, verdict: 'block', why }] };
  }
}
