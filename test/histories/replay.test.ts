import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { buildBundle } from '../../workers/workflow-bundle.js';

const FOLDER = path.dirname(fileURLToPath(import.meta.url));

interface HistoryJson {
  events: {
    eventType: string;
    workflowExecutionStartedEventAttributes?: { workflowId: string };
    activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  }[];
}

/** What each fixture must hold: a recording that took another way would prove something else. */
const ACTIVITIES: Record<string, string[]> = {
  'full-load-stream': ['validate', 'restorePreData', 'keepSnapshot', 'planLoad', 'copyBatch', 'buildIndexes', 'removeObjects'],
  'full-load-dump': ['dumpDatabase', 'restorePreData', 'restoreData', 'buildIndexes', 'discardDump'],
  'stop-now': ['publishLane', 'keepSnapshot', 'commitMarker', 'subscribe', 'confirmStopped', 'setSequences'],
  'plan-changed': ['commitMarker', 'monitor', 'disarmMarker', 'commitMarker', 'confirmStopped', 'monitor', 'setSequences'],
  'blocked-then-retried': ['validate', 'validate', 'dumpSchema', 'confirmStopped'],
  'aborted-in-monitor': ['monitor', 'removeObjects'],
  'paused-then-resumed': ['monitor', 'commitMarker', 'confirmStopped', 'monitor', 'resumeLanes', 'commitMarker'],
  'resumed-after-stop': ['confirmStopped', 'monitor', 'resumeLanes', 'readPosition', 'commitMarker', 'setSequences'],
  cutover: ['checkCutover', 'checkCutover', 'commitMarker', 'confirmStopped', 'setSequences', 'removeObjects'],
  'cutover-undone': ['checkCutover', 'commitMarker', 'confirmStopped', 'resumeLanes', 'commitMarker', 'confirmStopped'],
  native: ['buildIndexes', 'publishLane', 'makeSlot', 'subscribe', 'awaitSync', 'buildForeignKeys', 'monitor'],
  cdc: ['validate', 'enterTables', 'publishLane', 'makeSlot', 'subscribe', 'monitor', 'setSequences'],
  restarted: ['validate', 'monitor', 'removeObjects'],
  'after-restart': ['validate', 'dumpSchema', 'keepSnapshot', 'subscribe', 'monitor', 'removeObjects'],
  continued: ['monitor', 'commitMarker', 'confirmStopped', 'resumeLanes', 'commitMarker', 'confirmStopped', 'removeObjects'],
  notified: ['validate', 'notify', 'removeObjects', 'notify'],
  adopted: ['monitor', 'adoptChanges', 'commitMarker', 'confirmStopped', 'removeObjects'],
  'lane-lost': ['publishLane', 'monitor', 'dropLane', 'publishLane', 'keepSnapshot', 'copyBatch', 'subscribe', 'monitor'],
  fenced: ['checkCutover', 'checkCutover', 'cutOver', 'closeLanes', 'removeObjects'],
  'fence-undone': ['checkCutover', 'cutOver', 'monitor', 'commitMarker', 'confirmStopped'],
  turned: ['verifyContent', 'enterTables', 'cutOver', 'closeLanes', 'subscribe', 'monitor', 'cutOver', 'confirmStopped'],
  'snapshot-lost': ['keepSnapshot', 'copyBatch', 'reduceLane', 'publishLane', 'keepSnapshot', 'subscribe', 'subscribe', 'confirmStopped'],
};

const FENCED = ['fenced', 'fence-undone', 'turned'];
const SINCE_0_4 = ['adopted', 'lane-lost'];

/**
 * Of 0.2: runs that hold no load. Before 0.3 the load was another one, and no version with it was published: who
 * runs one finishes it, or waits until its run has been continued, before the upgrade. Of newer versions: what was new in them.
 */
const WAYS: Record<string, string[]> = {
  'v0.2': ['cdc', 'continued'],
  'v0.3': Object.keys(ACTIVITIES).filter((way) => ![...SINCE_0_4, ...FENCED].includes(way)),
  'v0.4': SINCE_0_4,
  'v0.5': FENCED,
};

describe('recorded histories', async () => {
  const versions = (await readdir(FOLDER, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  let code: string;

  before(async () => {
    Runtime.install({ logger: new DefaultLogger('WARN') });
    ({ code } = await buildBundle());
  });

  for (const version of versions) {
    const files = (await readdir(path.join(FOLDER, version.name))).filter((file) => file.endsWith('.json'));
    for (const file of files) {
      const branch = path.basename(file, '.json');
      it(`replay: ${branch} of ${version.name}`, async () => {
        const history = JSON.parse(await readFile(path.join(FOLDER, version.name, file), 'utf8')) as HistoryJson;
        assertInOrder(activitiesOf(history), ACTIVITIES[branch] ?? []);
        await Worker.runReplayHistory({ workflowBundle: { code } }, history, workflowIdOf(history));
      });
    }
    it(`hold every way through the workflow (${version.name})`, () => {
      assert.deepEqual(
        files.map((file) => path.basename(file, '.json')).sort(),
        WAYS[version.name]?.toSorted(),
      );
    });
  }

  it('exist', () => assert.ok(versions.length > 0));

  it('fail to replay when the workflow has changed', async () => {
    const [version] = versions;
    const file = path.join(FOLDER, version?.name ?? '', 'cdc.json');
    const text = (await readFile(file, 'utf8')).replaceAll('"monitor"', '"watchOther"');
    await assert.rejects(
      Worker.runReplayHistory({ workflowBundle: { code } }, JSON.parse(text), 'pgtrek-cdc'),
      /[Nn]ondeterminism|[Nn]on-determinis|TMPRL1100/,
    );
  });
});

/** Names of lanes are made from it. */
function workflowIdOf({ events }: HistoryJson): string {
  return events[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '';
}

function activitiesOf({ events }: HistoryJson): string[] {
  return events.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled ? [scheduled.activityType.name] : [],
  );
}

/** The expected ones, in this order, among others. */
function assertInOrder(actual: string[], expected: string[]): void {
  let from = 0;
  for (const name of expected) {
    const at = actual.indexOf(name, from);
    assert.ok(at >= 0, `${name} is not where it should be in ${actual.join(', ')}`);
    from = at + 1;
  }
}
