import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { MigrationReport } from '../../../client/index.js';
import { recordedReport } from '../../harness/recorded-report.js';

const HISTORIES = new URL('../../histories/', import.meta.url);

describe('a report of a history, without a worker', async () => {
  for (const version of ['v0.2', 'v0.3']) {
    const files = (await readdir(new URL(version, HISTORIES))).map((file) => file.replace('.json', ''));
    for (const file of files) {
      it(`tells how ${file} of ${version} ended, and when its stages ran`, async () => {
        const report = await recordedReport(`${version}/${file}`);
        // What is recorded of a restart is the run that it ended.
        const told =
          file === 'restarted'
            ? /^It is under way/
            : file.startsWith('aborted')
              ? /^It was aborted/
              : /^It is finished/;
        assert.match(report.summary, told);
        assert.equal(report.source?.server?.split('.')[0], '15');
        assert.ok(report.stages.length > 0);
        for (const { name, status, startedAt = '', endedAt = startedAt } of report.stages)
          assert.ok(
            status === 'waiting' || (startedAt <= endedAt && startedAt !== ''),
            `${name}: ${startedAt} to ${endedAt}`,
          );
        assert.equal(report.completeness.complete, false);
        assert.match(report.completeness.missing.join(), /did not answer \(NO_WORKER\)/);
      });
    }
  }

  it('tells of a cutover, and of its dry run before it', async () => {
    const report = await recordedReport('v0.3/cutover');
    assert.deepEqual(
      report.cutovers.map(({ outcome, direction, sequencesSet }) => ({ outcome, direction, sequencesSet })),
      [
        { outcome: 'ready', direction: 'forward', sequencesSet: undefined },
        { outcome: 'done', direction: 'forward', sequencesSet: 22 },
      ],
    );
    const [stop] = report.stops;
    assert.deepEqual(
      [stop?.purpose, stop?.confirmed, stop?.lsn, stop?.lanes, stop?.stoppedAfterMs],
      ['stop now', true, '0/77E3C10', [{ lane: 'pgtrek_cutover_1', lsn: '0/77E3C10' }], 51],
    );
    assert.deepEqual(stagesOf(report).slice(-3), ['monitor done', 'stop done', 'cutover done']);
    assert.equal(report.findings.length, 37);
    assert.equal(report.outcome?.sequencesSet, 22);
  });

  it('tells why a cutover was undone', async () => {
    const { cutovers, stops } = await recordedReport('v0.3/cutover-undone');
    assert.deepEqual(
      cutovers.map(({ outcome, reasons }) => [outcome, ...reasons]),
      [['undone', 'the lanes did not stand 1s after the marker']],
    );
    assert.deepEqual(
      stops.map(({ confirmed }) => confirmed),
      [false, true],
    );
  });

  it('tells who sent which message, and when', async () => {
    const { messages, marks } = await recordedReport('v0.3/paused-then-resumed');
    assert.deepEqual(
      messages.map(({ kind, name, identity, argument }) => ({ kind, name, identity, argument })),
      ['pause', 'resume', 'stop'].map((name) => ({
        kind: 'update',
        name,
        identity: '19737@vm',
        argument: name === 'stop' ? { now: true } : undefined,
      })),
    );
    assert.deepEqual(
      marks.map(({ kind }) => kind),
      ['pause', 'resume', 'stop'],
    );
    assert.ok(messages.every(({ at }) => at.startsWith('2026-11-22T23:24:4')));
  });

  it('follows a restart from run to run', async () => {
    const report = await recordedReport('v0.3/restarted', 'v0.3/after-restart');
    assert.deepEqual(
      report.temporal.runs.map(({ ended }) => ended),
      ['continued', 'completed'],
    );
    assert.deepEqual(report.flow.lagMs, [{ at: '2026-11-22T23:30:29.179Z', value: 6 }]);
    assert.deepEqual(
      stagesOf(report).filter((stage) => /monitor/.test(stage)),
      ['monitor running', 'monitor done'],
    );
    assert.match(
      report.marks.map(({ text }) => text).join(),
      /column public\.film\.note was added.*begins again/,
    );
    assert.deepEqual(report.load.totals?.tablesCopied, 38);
  });

  it('knows the load by the copies themselves', async () => {
    const { load } = await recordedReport('v0.3/full-load-stream');
    assert.equal(load.totals?.rowsCopied, '24130');
    assert.equal(load.totals.bytesCopied, '2918344');
    assert.deepEqual([load.tables[0]?.table, load.tables[0]?.rows], ['public.film_review', '150']);
    assert.ok(load.bytesPerSecond !== undefined && load.bytesPerSecond > 1_000_000);
  });

  it('says in which numbers events are missing', async () => {
    const { events, eventsMissing } = await recordedReport('v0.3/continued');
    assert.ok(events.length > 0);
    assert.deepEqual(eventsMissing, []);
  });
});

function stagesOf({ stages }: MigrationReport): string[] {
  return stages.map(({ name, status }) => `${name} ${status}`);
}
