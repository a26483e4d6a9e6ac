import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Locator } from 'playwright-core';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { startWriter } from '../../dev/writer.js';
import type { Writer } from '../../dev/writer.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { holdUpCopy } from '../harness/hold-up.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { openWebUi } from '../harness/web-ui.js';
import type { WebUi } from '../harness/web-ui.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'web-ui';

describe('who has only Temporal’s Web UI', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let ui: WebUi;

  before(async () => {
    world = await openWorld({ temporal: { ui: true } });
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    ui = await openWebUi(world);
  });
  after(async () => {
    await ui.close();
    await client.close();
    await worker.stop();
    await world.close();
  });

  const start = (name: string, databases: Databases, stop?: NonNullable<SpecInput['cdc']>['stop']) =>
    client.start(specFor(name, databases, { taskQueue: QUEUE, ...(stop ? { cdc: { stop } } : {}) }));

  it('sees what a migration that loads does, and how far it is', async () => {
    const databases = await createDatabases(world, 'loading');
    const copy = await holdUpCopy(databases);
    const migration = await start('loading', databases, { now: true });
    await copy.waits;

    await ui.openMigration('loading');
    await ui.look('load: the timeline', async () => {
      await ui.page
        .getByText(/copyBatch • copy public\.\w+ and \d+ more/)
        .first()
        .waitFor();
    });
    await ui.openTab('Pending Activities');
    await ui.look('load: live figures', async () => {
      await ui.page.getByText('"public.film"').first().waitFor();
    });
    await ui.openTab('User Metadata');
    await ui.look('load: the details', async () => {
      const { port } = databases.source;
      await says(ui.metadata('Summary'), `loading: 127.0.0.1:${String(port)}/loading → 127.0.0.1:`);
      await says(ui.metadata('Details'), 'stop: as soon as the target has caught up, then finish');
      const details = ui.metadata('Current Details');
      await says(details, 'running in load: copies the rows');
      await says(details, 'Stop: now, then finish');
      await says(details, /▶ load · subscribe/);
      await says(details, /tables 0 of \d+/);
    });
    await copy.release();
    await untilCompleted(migration);
  });

  it('sees what blocks and how to mend it, and lets it go on', async () => {
    const databases = await createDatabases(world, 'keyless');
    await query(databases.source, 'CREATE TABLE "No Key" (a int); INSERT INTO "No Key" VALUES (1), (1)');
    const migration = await start('keyless', databases, { now: true });
    const { blocked } = await untilBlocked(migration);

    await ui.openMigration('keyless');
    await ui.look('blocked: the timeline', async () => {
      await ui.page.getByText('BLOCKED: VALIDATION_FAILED: see User Metadata').first().waitFor();
    });
    await ui.openTab('User Metadata');
    await ui.look('blocked: the details', async () => {
      const details = ui.metadata('Current Details');
      await says(
        details,
        'BLOCKED in validate: VALIDATION_FAILED Table public."No Key" has no usable replica',
      );
      await says(details, blocked?.remedy ?? '');
      await says(details, 'Then send the signal retry (More Actions), or abort.');
      assert.deepEqual(await ui.hiddenTexts('Current Details'), []);
    });
    await query(databases.source, blocked?.remedy ?? '');
    await ui.look('blocked: the signal', () => ui.sendSignal('retry'));
    await untilCompleted(migration);
    await assertNothingLeft(databases);
  });

  it('sees the outcome of one that has finished', async () => {
    const databases = await createDatabases(world, 'finished');
    const { stop } = await untilCompleted(await start('finished', databases, { now: true }));

    await ui.openMigration('finished');
    await ui.look('finished: the result', async () => {
      await ui.page.getByText('Completed', { exact: true }).first().waitFor();
      await ui.page.getByText('"finished"').last().waitFor();
    });
    await ui.openTab('User Metadata');
    await ui.look('finished: the details', async () => {
      const details = ui.metadata('Current Details');
      await says(details, 'completed: nothing of pgtrek is left on either server');
      await says(details, `Stopped at the commit of ${stop?.report?.committedAt ?? ''}. Sequences set: `);
      await says(details, /(✔ \w+ ?){8}/);
      assert.deepEqual(await ui.hiddenTexts('Current Details'), []);
    });
  });

  describe('of one that replicates', () => {
    let databases: Databases;
    let migration: Migration;
    let writer: Writer;

    before(async () => {
      databases = await createDatabases(world, 'replicating');
      writer = startWriter({ connection: databases.source, rate: 50 });
      migration = await start('replicating', databases);
      await untilState(migration, ({ monitor }) => monitor !== undefined);
    });
    after(() => writer.stop());

    it('sees how far the target is behind, and what would end it', async () => {
      await ui.openMigration('replicating');
      await ui.look('monitor: the timeline', async () => {
        await ui.page.getByText('monitor • watch the lanes').first().waitFor();
      });
      await ui.openTab('Pending Activities');
      await ui.look('monitor: live figures', async () => {
        await ui.page.getByText('"lagMs"').first().waitFor();
      });
      await ui.openTab('User Metadata');
      await ui.look('monitor: the details', async () => {
        const details = ui.metadata('Current Details');
        await says(details, 'running in monitor: the target follows the source');
        await says(details, 'until the signal stop (More Actions), such as {"now": true, "then": "finish"}');
        await says(details, /lag \d+ bytes \(\d+ ms\) at 20/);
        assert.deepEqual(await ui.hiddenTexts('Current Details'), []);
        assert.deepEqual(await ui.hiddenTexts('Details'), []);
      });
      await ui.openTab('Memo');
      await ui.look('monitor: the memo', async () => {
        await ui.page.getByText('"full-load-and-cdc"').first().waitFor();
      });
    });

    it('ends it by a signal, with the input that the page tells', async () => {
      await writer.stop();
      await ui.openMigration('replicating');
      await ui.look('monitor: the signal', () => ui.sendSignal('stop', '{"now": true, "then": "finish"}'));
      await ui.look('monitor: it has ended', async () => {
        await ui.page.getByText('Completed', { exact: true }).first().waitFor();
      });
      assert.equal((await untilCompleted(migration)).outcome?.outcome, 'finished');
      await assertEqualDatabases(databases);
      await assertNothingLeft(databases);
    });
  });
});

async function says(part: Locator, text: string | RegExp): Promise<void> {
  await part.filter({ hasText: text }).waitFor();
}
