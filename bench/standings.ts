import type { Run, Verdict } from './verdict.js';

/** What came of every subject so far. */
export class Standings<Subject extends { name: string }> {
  readonly failures = new Map<Subject['name'], string>();
  readonly runs = new Map<Subject['name'], Run[]>();
  readonly subjects: Subject[];
  readonly absences: ReadonlyMap<Subject['name'], string>;

  /** @param absences why some of them cannot run */
  constructor(subjects: Subject[], absences: ReadonlyMap<Subject['name'], string>) {
    this.subjects = subjects;
    this.absences = absences;
  }

  /** Those that are to run, and have not failed. */
  present(): Subject[] {
    return this.subjects.filter(({ name }) => !this.absences.has(name) && !this.failures.has(name));
  }

  add(name: Subject['name'], run: Run): void {
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
