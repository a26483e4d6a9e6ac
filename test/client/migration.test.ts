import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { connect, measureOnce } from '../../client/index.js';
import type { Migration, MigrationView, Pgtrek } from '../../client/index.js';
import { startTemporalServer } from '../../dev/temporal-server.js';
import type { TemporalServer } from '../../dev/temporal-server.js';
import { waitUntil } from '../../dev/wait-until.js';
import { hasCode } from './fixtures/has-code.js';
import { specNamed } from './fixtures/specs.js';
import { startTestWorker } from './fixtures/test-worker.js';

const DEADLINE_MS = 20_000;

describe('a migration, seen by the client', () => {
  let server: TemporalServer;
  let worker: { stop: () => Promise<void> };
  let pgtrek: Pgtrek;

  before(async () => {
    server = await startTemporalServer({});
    worker = await startTestWorker(server);
    pgtrek = await connect({ address: server.address });
  });
  after(async () => {
    await pgtrek.close();
    await worker.stop();
    await server.stop();
  });

  it('is unknown before it was started', async () => {
    const unknown = pgtrek.get('nobody');
    await assert.rejects(unknown.state(), hasCode('MIGRATION_NOT_FOUND', /"nobody"/));
    await assert.rejects(unknown.live(), hasCode('MIGRATION_NOT_FOUND'));
    await assert.rejects(unknown.abort(), hasCode('MIGRATION_NOT_FOUND'));
    await assert.rejects(unknown.signal('retry', {}), hasCode('MIGRATION_NOT_FOUND'));
    await assert.rejects(unknown.result(), hasCode('MIGRATION_NOT_FOUND'));
    await assert.rejects(lookOnce(unknown), hasCode('MIGRATION_NOT_FOUND'));
    assert.equal(await unknown.isRunning(), false);
  });

  it('is not started with a spec that can never work', async () => {
    const faulty = { ...specNamed('Faulty'), source: { host: 'a' } };
    await assert.rejects(
      pgtrek.start(faulty as never),
      hasCode('SPEC_INVALID', /name: .*\n.*source\.database/),
    );
  });

  it('is not started when nobody would work on it', { timeout: 60_000 }, async () => {
    const spec = specNamed('idle', { taskQueue: 'deserted' });
    const waits: string[] = [];
    const onWait = ({ taskQueue, forMs }: { taskQueue: string; forMs: number }) => {
      assert.ok(forMs > 0);
      waits.push(taskQueue);
    };
    await assert.rejects(pgtrek.start(spec, { onWait }), hasCode('NO_WORKER', /"deserted"/));
    assert.deepEqual(waits, ['deserted'], 'it tells once that it waits');
  });

  it(
    'is started as soon as a worker comes, which may take its time after an outage',
    { timeout: 60_000 },
    async () => {
      const late = { taskQueue: 'late' };
      let worker: Promise<{ stop: () => Promise<void> }> | undefined;
      const onWait = () => void (worker = startTestWorker(server, late));
      await pgtrek.start(specNamed('late', late), { onWait });
      assert.ok(worker, 'it was waited for');
      await (await worker).stop();
    },
  );

  it('says that no worker answers', { timeout: 60_000 }, async () => {
    const waiting = await pgtrek.start(specNamed('waiting', { taskQueue: 'deserted' }), {
      requireWorker: false,
    });
    await assert.rejects(waiting.state(), hasCode('NO_WORKER', /"deserted"/));
    assert.equal((await waiting.summary()).taskQueue, 'deserted');
  });

  it('tells its state, and is not started twice', async () => {
    const orders = await pgtrek.start(specNamed('orders'));
    const state = await orders.state();
    assert.equal(state.name, 'orders');
    assert.equal(await orders.isRunning(state.owner), true);
    assert.equal(await orders.isRunning(randomUUID()), false);
    await assert.rejects(pgtrek.start(specNamed('orders')), hasCode('MIGRATION_EXISTS', /"orders"/));
  });

  it('ends a wait for its result when the connection is closed', { timeout: 60_000 }, async () => {
    const own = await connect({ address: server.address });
    const waited = await own.start(specNamed('waited'));
    const result = assert.rejects(waited.result(), hasCode('TEMPORAL_UNREACHABLE', /was closed meanwhile/));
    // The wait is a long poll: it is under way once a call behind it has been answered.
    await waited.state();
    await own.close();
    await result;
    await assert.rejects(waited.state(), hasCode('TEMPORAL_UNREACHABLE'));
  });

  it('leaves nothing behind that could end the process later', { timeout: 60_000 }, async () => {
    await pgtrek.start(specNamed('left-waiting'));
    const program = fileURLToPath(new URL('fixtures/close-while-waiting.ts', import.meta.url));
    const args = ['--import', 'tsx', program, server.address, 'left-waiting'];
    // It fails on another exit code than 0, and by its timeout when something never ends.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    assert.equal(stdout, 'TEMPORAL_UNREACHABLE\nTEMPORAL_UNREACHABLE\n');
  });

  it('takes messages, or refuses them with its reason', async () => {
    const told = await pgtrek.start(specNamed('told'));
    const { events } = await told.stop({ now: true, by: 'a test' });
    assert.deepEqual(JSON.parse(events.at(-1)?.text ?? ''), { now: true, by: 'a test' });
    await assert.rejects(told.stop({}), hasCode('MESSAGE_INVALID', /exactly one/));
    await assert.rejects(
      told.finish(),
      hasCode('MESSAGE_REFUSED', /^finish is not accepted: it is running$/),
    );
    await told.signal('retry', { by: 'a signal' });
    const isKnown = async () => (await told.events()).some(({ kind }) => kind === 'retry');
    assert.ok(await waitUntil(isKnown, { deadlineMs: DEADLINE_MS }));
  });

  it('takes every message by a method of its own', async () => {
    const steered = await pgtrek.start(specNamed('steered'));
    assert.equal((await steered.pause({ by: 'a test' })).status, 'paused');
    assert.equal((await steered.resume()).status, 'running');
    assert.deepEqual((await steered.setLoad({ jobs: 8 })).load, { jobs: 8, indexJobs: 2 });
    const { events } = await steered.cutover({ maxPause: '500ms' });
    assert.deepEqual(JSON.parse(events.at(-1)?.text ?? ''), { maxPause: '500ms' });
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['pause', 'resume', 'setLoad', 'cutover'],
    );
    await assert.rejects(steered.setLoad({ jobs: 0 }), hasCode('MESSAGE_INVALID', /setLoad: jobs must be/));
    await assert.rejects(steered.cutover({ maxPause: '5' }), hasCode('MESSAGE_INVALID', /maxPause/));
  });

  it('is followed into the new run of a restart', { timeout: 60_000 }, async () => {
    const restarted = await pgtrek.start(specNamed('restarted'));
    const { owner } = await restarted.state();
    const { runId } = await restarted.summary();
    const ended = restarted.result();
    const views: MigrationView[] = [];
    for await (const view of restarted.watch({ intervalMs: 50 })) {
      views.push(view);
      if (views.length === 1) await restarted.restartOnSchemaChange({ dropTarget: true });
      else if (views.length === 3) await restarted.abort();
    }
    assert.notEqual((await restarted.summary()).runId, runId, 'it is another run');
    assert.deepEqual([...new Set(views.map(({ state }) => state.owner))], [owner], 'of the same owner');
    const last = views.at(-1);
    assert.equal(last?.workflow, 'completed');
    assert.deepEqual(
      last.state.events.map(({ n, kind }) => [n, kind]),
      [
        [1, 'restartOnSchemaChange'],
        [2, 'abort'],
      ],
    );
    assert.equal((await ended).outcome, 'aborted', 'who waited since the first run gets the outcome');
    assert.equal(await restarted.isRunning(owner), false);
    const listed = (await pgtrek.list()).filter(({ name }) => name === 'restarted');
    assert.ok(listed.length <= 1, 'one line a name');
  });

  it('runs on, of the same owner, while it is restarted', { timeout: 60_000 }, async () => {
    const again = await pgtrek.start(specNamed('again'));
    const { owner } = await again.state();
    await again.restartOnSchemaChange({ dropTarget: true });
    assert.equal(await again.isRunning(owner), true);
    assert.equal((await again.state()).owner, owner);
    assert.equal((await again.pause()).status, 'paused', 'messages reach the new run');
    assert.equal(await again.isRunning(owner), true);
  });

  it('is watched to its end, with live figures', { timeout: 60_000 }, async () => {
    const watched = await pgtrek.start(specNamed('watched'));
    const views = await watchUntilFigures(watched);
    assert.ok(
      views.some(({ live }) => live.some((figures) => figures.kind === 'copy' && figures.bytes === '10')),
    );
    const last = views.at(-1);
    assert.equal(last?.workflow, 'completed');
    assert.equal(last.state.status, 'aborted');
    assert.equal((await watched.result()).outcome, 'aborted');
    await assert.rejects(watched.abort(), hasCode('MESSAGE_REFUSED', /has ended/));
    await assert.rejects(watched.signal('retry', {}), hasCode('MESSAGE_REFUSED', /has ended/));
  });

  it('tells how far its load is, with the share of the copies that run', { timeout: 60_000 }, async () => {
    const loading = await pgtrek.start(specNamed('loading'));
    const { live, load, state } = await figuresOf(loading);
    const [figures] = live;
    assert.ok(figures?.since !== undefined && Date.parse(figures.since) <= Date.now());
    assert.ok(load);
    // 10 bytes of COPY are 20 of the plan, as the finished part has shown.
    assert.deepEqual([load.bytesDone, load.bytesPlanned, load.bytesCopied], [370, 650, 110]);
    const [orders] = load.copying;
    assert.deepEqual([orders?.table, orders?.bytesDone, orders?.parts], ['public.orders', 120, 4]);
    assert.equal(load.fraction, 370 / 650);
    assert.equal(measureOnce(state, live, new Date())?.bytesDone, 370);
    await loading.abort();
  });

  it('stops being watched when the watcher says so', async () => {
    const left = await pgtrek.start(specNamed('left'));
    const controller = new AbortController();
    let looks = 0;
    for await (const _ of left.watch({ signal: controller.signal })) {
      looks++;
      controller.abort();
    }
    assert.equal(looks, 1);
  });

  it('tells the code of its failure', async () => {
    await startRaw(server, { name: 'failed', failWith: 'SPEC_INVALID' });
    const failed = pgtrek.get('failed');
    await assert.rejects(failed.result(), hasCode('SPEC_INVALID', /can never work/));
    await assert.rejects(lookOnce(failed), hasCode('SPEC_INVALID', /can never work/));
  });

  it('says that nothing was cleaned up when it was terminated', async () => {
    const terminated = await pgtrek.start(specNamed('terminated'));
    await terminated.state();
    await withTemporalClient(server, (client) => client.workflow.getHandle('pgtrek-terminated').terminate());
    await assert.rejects(terminated.result(), hasCode('CLEANUP_INCOMPLETE', /was terminated/));
    assert.equal((await lookOnce(terminated))?.workflow, 'terminated');
  });

  it('is listed once a name, newest first', async () => {
    await pgtrek.start(specNamed('listed'));
    const names = async () => (await pgtrek.list()).map(({ name }) => name);
    assert.ok(await waitUntil(async () => (await names())[0] === 'listed', { deadlineMs: DEADLINE_MS }));
    const all = await pgtrek.list();
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    const { workflow, mode, source, target } = all[0] ?? {};
    assert.deepEqual(
      { workflow, mode, source, target },
      {
        workflow: 'running',
        mode: 'full-load',
        source: 'db.invalid:5432/orders',
        target: 'new.invalid:5432/orders',
      },
    );
  });

  it('tells live figures through a codec', { timeout: 60_000 }, async () => {
    const dataConverter = { payloadCodecs: [new InvertingCodec()] };
    const coded = { taskQueue: 'coded', dataConverter };
    const codedWorker = await startTestWorker(server, coded);
    const client = await connect({ address: server.address, ...coded });
    try {
      const secret = await client.start(specNamed('coded'));
      const views = await watchUntilFigures(secret);
      assert.ok(views.some(({ live }) => live.length > 0));
      assert.equal((await secret.summary()).mode, 'full-load');
    } finally {
      await client.close();
      await codedWorker.stop();
    }
  });
});

async function lookOnce(migration: Migration): Promise<MigrationView | undefined> {
  for await (const view of migration.watch()) return view;
  return undefined;
}

/** The first look in which an activity has told something. */
async function figuresOf(migration: Migration): Promise<MigrationView> {
  for await (const view of migration.watch({ intervalMs: 50 })) if (view.live.length > 0) return view;
  throw new Error('it ended without figures');
}

/** Watches; aborts the migration once figures came. */
async function watchUntilFigures(migration: Migration): Promise<MigrationView[]> {
  const views: MigrationView[] = [];
  for await (const view of migration.watch({ intervalMs: 50 })) {
    const wasSeen = views.some(({ live }) => live.length > 0);
    views.push(view);
    if (view.live.length > 0 && !wasSeen) await migration.abort();
  }
  return views;
}

/** Starts the workflow as a caller without our client does. */
function startRaw(server: TemporalServer, input: { name: string; failWith: string }): Promise<void> {
  const options = { workflowId: `pgtrek-${input.name}`, taskQueue: 'pgtrek', args: [input] };
  return withTemporalClient(server, (client) => client.workflow.start('migration', options));
}

async function withTemporalClient(
  server: TemporalServer,
  use: (client: Client) => Promise<unknown>,
): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  try {
    await use(new Client({ connection, namespace: server.namespace }));
  } finally {
    await connection.close();
  }
}

/** Unreadable to whoever does not have it. */
class InvertingCodec implements PayloadCodec {
  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(
      payloads.map((payload) => ({
        metadata: { ...payload.metadata, inverted: new Uint8Array([1]) },
        data: invert(payload.data),
      })),
    );
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve(
      payloads.map((payload) =>
        payload.metadata?.['inverted'] ? { metadata: payload.metadata, data: invert(payload.data) } : payload,
      ),
    );
  }
}

function invert(data: Uint8Array | null | undefined): Uint8Array {
  return (data ?? new Uint8Array()).map((byte) => byte ^ 255);
}
