/** What a cutover did and when, as it is noted on the old primary and reported. */
import type { CutoverStep, Fence, FenceReport } from '../../contract/cutover.js';

export class CutoverLog {
  readonly report: FenceReport;
  /** Sequences that were set. */
  sequences = 0;
  private begun = false;

  constructor(kind: Fence, former?: { report: FenceReport; sequences: number }) {
    this.report = former?.report ?? {
      kind,
      begunAt: new Date().toISOString(),
      steps: [],
      pauseMs: 0,
      cancelled: 0,
      ended: 0,
      hooks: [],
      warnings: [],
    };
    this.sequences = former?.sequences ?? 0;
    this.begun = former !== undefined;
  }

  /** From now on writers may have to wait; a later call counts no more. */
  begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.report.begunAt = new Date().toISOString();
  }

  get elapsedMs(): number {
    return this.begun ? Math.max(0, Date.now() - Date.parse(this.report.begunAt)) : 0;
  }

  /** What is repeated counts from its last time on. */
  step(step: CutoverStep): void {
    this.report.steps = this.report.steps.filter((done) => done.step !== step);
    this.report.steps.push({ step, ms: this.elapsedMs });
  }

  /** The writers wait no more. */
  endPause(): void {
    this.report.pauseMs = this.elapsedMs;
  }

  warn(text: string): void {
    if (!this.report.warnings.includes(text)) this.report.warnings.push(text);
  }
}
