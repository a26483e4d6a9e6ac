import type { Run, Verdict } from '../verdict.js';
import type { Subject, SubjectName } from './subject.js';

/** What came of every subject so far. */
export class Standings {
  readonly failures = new Map<SubjectName, string>();
  readonly runs = new Map<SubjectName, Run[]>();
  readonly subjects: Subject[];
  readonly absences: ReadonlyMap<SubjectName, string>;

  /** @param absences why some of them cannot run */
  constructor(subjects: Subject[], absences: ReadonlyMap<SubjectName, string>) {
    this.subjects = subjects;
    this.absences = absences;
  }

  /** Those that are to run, and have not failed. */
  present(): Subject[] {
    return this.subjects.filter(({ name }) => !this.absences.has(name) && !this.failures.has(name));
  }

  add(name: SubjectName, run: Run): void {
    this.runs.set(name, [...(this.runs.get(name) ?? []), run]);
  }

  verdicts(): Verdict[] {
    return this.subjects.map(({ name: subject }) => {
      const absence = this.absences.get(subject);
      if (absence !== undefined) return { subject, kind: 'not run', reason: absence };
      const failure = this.failures.get(subject);
      if (failure !== undefined) return { subject, kind: 'failed', reason: failure };
      return { subject, kind: 'measured', runs: this.runs.get(subject) ?? [] };
    });
  }
}
