import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTemporalServer } from '../../dev/temporal-server.js';
import type { TemporalServer } from '../../dev/temporal-server.js';
import { specNamed } from '../client/fixtures/specs.js';
import { startTestWorker } from '../client/fixtures/test-worker.js';
import { runCli } from './run-cli.js';
import type { Run } from './run-cli.js';

describe('the command, with a migration', () => {
  let server: TemporalServer;
  let worker: { stop: () => Promise<void> };

  before(async () => {
    server = await startTemporalServer({});
    worker = await startTestWorker(server);
  });
  after(async () => {
    await worker.stop();
    await server.stop();
  });

  const pgtrek = (args: string[], stdin?: string): Promise<Run> =>
    runCli(args, { env: { TEMPORAL_ADDRESS: server.address }, ...(stdin === undefined ? {} : { stdin }) });
  const start = (name: string, ...args: string[]) =>
    pgtrek(['start', '-f', '-', ...args], JSON.stringify(specNamed(name)));

  it('starts, shows, refuses, aborts and follows it', { timeout: 120_000 }, async () => {
    const started = await start('orders');
    assert.equal(started.code, 0, started.stderr);
    assert.match(
      started.stdout,
      /0 findings.*\n\norders is on its way\.\nFollow it: {2}pgtrek status orders --watch\n/,
    );

    const status = await pgtrek(['status', 'orders']);
    assert.match(
      status.stdout,
      /^orders {2}▶ running .*db\.invalid:5432\/orders → new\.invalid:5432\/orders\n/,
    );

    const again = await start('orders');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^pgtrek: MIGRATION_EXISTS: .*\n {2}remedy: .*pgtrek abort orders/);

    const refused = await pgtrek(['finish', 'orders']);
    assert.deepEqual(
      [refused.code, refused.stderr],
      [3, 'pgtrek: MESSAGE_REFUSED: finish is not accepted: it is running\n'],
    );
    const invalid = await pgtrek(['stop', 'orders', '--at', 'tomorrow']);
    assert.equal(invalid.code, 3);
    assert.match(invalid.stderr, /MESSAGE_INVALID: stop: at must be a time/);

    const watched = pgtrek(['status', 'orders', '--watch']);
    const aborted = await pgtrek(['abort', 'orders', '--drop-target', '--reason', 'a test']);
    assert.equal(aborted.code, 0, aborted.stderr);
    const { code, stdout } = await watched;
    assert.equal(code, 1, 'an aborted migration is not a completed one');
    assert.match(stdout, /orders: aborted/);

    const events = await pgtrek(['events', 'orders', '--json']);
    const [event] = JSON.parse(events.stdout) as { kind: string; text: string }[];
    const sent = JSON.parse(event?.text ?? '{}') as { dropTarget?: boolean; reason?: string };
    assert.deepEqual([event?.kind, sent.dropTarget, sent.reason], ['abort', true, 'a test']);
  });

  it('exits with 2 when it is blocked, and says how to go on', async () => {
    const { code, stdout } = await start('blocked');
    assert.equal(code, 2);
    assert.match(stdout, /✖ block {2}source\.wal_level {2}wal_level is replica\n {4}→ ALTER SYSTEM SET/);
    assert.match(stdout, /pgtrek retry blocked .* pgtrek abort blocked/);
  });

  it('does not wait when told not to', async () => {
    const { code, stdout } = await start('detached', '--detach', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { name: 'detached' });
  });

  it('does not start where no worker polls', async () => {
    const { code, stderr } = await start('lonely', '--task-queue', 'deserted');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /NO_WORKER: No worker polls task queue "deserted".*\n {2}remedy: .*pgtrek worker --task-queue deserted/,
    );
  });

  it('needs a name when several run', async () => {
    const { code, stderr } = await pgtrek(['status']);
    assert.equal(code, 64);
    assert.match(stderr, /several migrations run, name one: /);
    assert.match((await pgtrek(['list'])).stdout, /^name +workflow +mode .*\n/);
  });

  it('knows nothing of an unknown one', async () => {
    const { code, stderr } = await pgtrek(['status', 'nobody']);
    assert.equal(code, 1);
    assert.match(stderr, /^pgtrek: MIGRATION_NOT_FOUND: There is no migration "nobody"/);
  });
});
