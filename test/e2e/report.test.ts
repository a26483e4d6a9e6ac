import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { MigrationReport, Pgtrek } from '../../client/index.js';
import { packageVersion } from '../../contract/package-version.js';
import { waitUntil } from '../../dev/wait-until.js';
import { runCli } from '../cli/run-cli.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

const QUEUE = 'audited';

describe('the report of a migration', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;

  before(async () => {
    // A real server suggests to continue at 4,096 events: the report is of several runs.
    world = await openWorld({
      temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
    });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  const pgtrek = (...args: string[]) =>
    runCli(['report', 'audited', ...args], { env: { TEMPORAL_ADDRESS: world.temporal.address } });

  it('tells what was done, when, and who asked for it, also once worker and first run are gone', async () => {
    const databases = await createDatabases(world, 'audited');
    const migration = await client.start(specFor('audited', databases, { taskQueue: QUEUE }));
    await untilState(
      migration,
      ({ monitor, events }) => events.some(({ kind }) => kind === 'continued') && monitor !== undefined,
    );
    await migration.pause({ by: 'ada', reason: 'CHG-1' });
    await untilState(migration, ({ lanes }) => lanes[0]?.status === 'stopped');
    const underWay = await migration.report();
    assert.match(underWay.summary, /^It is paused in monitor\.$/);
    await migration.resume({ by: 'ada' });
    await untilState(migration, ({ lanes }) => lanes[0]?.status === 'applying');
    await migration.signal('stop', { now: true, then: 'wait', by: 'bob' });
    await untilState(migration, ({ status }) => status === 'stopped');
    await migration.finish({ by: 'ada' });
    const { outcome } = await untilCompleted(migration);

    const report = JSON.parse((await pgtrek('--json')).stdout) as MigrationReport;
    assert.deepEqual(report.completeness, { complete: true, missing: [] });
    assert.match(
      report.summary,
      /^It is finished: every lane stood at one commit of the source, and 22 sequences are set; nothing/,
    );
    assert.deepEqual(
      [report.source?.server?.split('.')[0], report.target?.server?.split('.')[0]],
      ['15', '18'],
    );
    // The worker of tests is bundled, and finds no package.json.
    assert.deepEqual(report.versions.workers, ['unknown']);
    assert.equal(report.versions.client, packageVersion());
    assert.ok(report.temporal.runs.length > 1, 'it has several runs');
    assert.equal(report.startedBy, report.messages[0]?.identity);
    assert.deepEqual(
      report.messages.map(({ kind, name, by, reason }) => [kind, name, by, reason]),
      [
        ['update', 'pause', 'ada', 'CHG-1'],
        ['update', 'resume', 'ada', undefined],
        ['signal', 'stop', 'bob', undefined],
        ['update', 'finish', 'ada', undefined],
      ],
    );
    const stop = report.stops.at(-1);
    assert.deepEqual([stop?.marker, stop?.lanes], [outcome?.report?.marker, outcome?.report?.lanes]);
    assert.deepEqual(
      report.events.map(({ n }) => n),
      report.events.map((_, n) => n + 1),
    );
    assert.equal(report.events.at(-1)?.kind, 'finished');
    assert.equal(report.load.totals?.rowsCopied, '24130');
    assert.equal(report.load.tables.length, 38);
    assert.ok(report.flow.figures > 0 && report.flow.retainedBytes.length > 0);
    assert.deepEqual(
      report.stages.map(({ name, status }) => `${name} ${status}`),
      ['validate', 'dump', 'restore', 'publish', 'load', 'subscribe', 'monitor', 'stop'].map(
        (name) => `${name} done`,
      ),
    );

    await writesAPage(path.join(world.folder, 'page.html'));
    await knowsWhatIsLeft(report);
  });

  const writesAPage = async (file: string) => {
    const { code, stdout, stderr } = await pgtrek('-o', file);
    assert.deepEqual([code, stdout, stderr], [0, '', `Written: ${file}\n`]);
    const page = await readFile(file, 'utf8');
    assert.match(page, /^<!doctype html>/);
    assert.match(page, /CHG-1/);
  };

  /** As when Temporal's retention time for the first run is over, and nobody runs a worker any more. */
  const knowsWhatIsLeft = async (whole: MigrationReport) => {
    await worker.stop();
    await removeRun(whole.temporal.owner);
    const report = await client.get('audited').report();
    assert.equal(report.completeness.from, whole.temporal.runs[1]?.startedAt);
    assert.match(report.completeness.missing.join('\n'), /has removed .*earlier runs.*\n.*NO_WORKER/);
    assert.equal(report.summary, whole.summary);
    assert.deepEqual(report.messages, whole.messages);
    assert.deepEqual(report.stops.at(-1)?.lanes, whole.stops.at(-1)?.lanes);
    assert.equal(report.stages[0]?.startedAt, whole.stages[0]?.startedAt, 'what the run was handed is known');
  };

  const removeRun = async (runId: string) => {
    const connection = await Connection.connect({ address: world.temporal.address });
    const execution = { workflowId: 'pgtrek-audited', runId };
    const { namespace } = world.temporal;
    try {
      await connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: execution });
      const isGone = () =>
        connection.workflowService.getWorkflowExecutionHistory({ namespace, execution }).then(
          () => false,
          () => true,
        );
      assert.ok(await waitUntil(isGone, { deadlineMs: 60_000 }));
    } finally {
      await connection.close();
    }
  };
});
