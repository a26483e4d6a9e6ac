import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTemporalServer } from '../../dev/temporal-server.js';
import type { TemporalServer } from '../../dev/temporal-server.js';
import { waitUntil } from '../../dev/wait-until.js';
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

    const report = await pgtrek(['report', 'orders', '-o', '-']);
    assert.equal(report.code, 0, report.stderr);
    assert.match(report.stdout, /^<!doctype html>[^]*It was aborted[^]*<strong>abort<\/strong>[^]*a test/);
    const unwritten = await pgtrek(['report', 'orders', '-o', '/no-such-folder/report.html']);
    assert.deepEqual([unwritten.code, unwritten.stdout], [64, '']);
    assert.match(unwritten.stderr, /^pgtrek: \/no-such-folder\/report\.html cannot be written: ENOENT/);
  });

  it('pauses it, changes its load, lets it go on, and plans its stop at a position', async () => {
    await start('steered');
    const paused = await pgtrek(['pause', 'steered']);
    assert.equal(paused.code, 0, paused.stderr);
    assert.match(paused.stdout, /^steered is paused\. No new copy .*\nGo on: {2}pgtrek resume steered\n$/);
    const load = await pgtrek(['set-load', 'steered', '--jobs', '8']);
    assert.match(load.stdout, /^steered now runs up to 8 copies and 2 index jobs at a time\.\n/);
    const resumed = await pgtrek(['resume', 'steered', '--json']);
    assert.equal((JSON.parse(resumed.stdout) as { status: string }).status, 'running');
    assert.equal((await pgtrek(['stop', 'steered', '--lsn', '16/b374d848'])).code, 0);

    const tooMany = await pgtrek(['set-load', 'steered', '--jobs', '65']);
    assert.deepEqual(
      [tooMany.code, tooMany.stderr],
      [3, 'pgtrek: MESSAGE_INVALID: setLoad: jobs must be a whole number from 1 to 64\n'],
    );
    assert.equal((await pgtrek(['stop', 'steered', '--lsn', '16-B374D848'])).code, 3);
  });

  it('begins again, with the consent that was given', async () => {
    await start('restarted');
    const { code, stdout, stderr } = await pgtrek([
      'restart',
      'restarted',
      '--drop-target',
      '--full',
      '--reason',
      'ddl',
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /begins again from validate\.\nFollow it: /);
    const events = await pgtrek(['events', 'restarted', '--json']);
    const [event] = JSON.parse(events.stdout) as { kind: string; text: string }[];
    const sent = JSON.parse(event?.text ?? '{}') as { by?: string };
    assert.match(sent.by ?? '', /\(pgtrek command\)$/);
    assert.deepEqual(
      [event?.kind, { ...sent, by: '' }],
      ['restartOnSchemaChange', { dropTarget: true, full: true, by: '', reason: 'ddl' }],
    );
  });

  const CUTOVERS: [name: string, args: string[], code: number, told: RegExp][] = [
    [
      'done',
      [],
      0,
      /^The cutover of done is done\.\nThe target can be used: .*\nThen: {2}pgtrek finish done /,
    ],
    ['ready-done', ['--dry-run'], 0, /^The cutover of ready-done could begin\.\nDo it: {2}pgtrek cutover /],
    [
      'refused',
      [],
      2,
      /was refused: nothing was done\.\n {2}the lag is 3 GB\nTry again: {2}pgtrek cutover refused\n/,
    ],
    ['undone', ['--max-pause', '500ms'], 2, /was undone: the lanes go on\.\n {2}the lag is 3 GB\n/],
    ['slow', ['--deadline', '500ms'], 1, /has not ended yet\. Follow it: {2}pgtrek status slow --watch\n/],
  ];
  for (const [name, args, code, told] of CUTOVERS) {
    it(`exits with ${String(code)} after a cutover that is ${name}`, async () => {
      await start(name);
      const run = await pgtrek(['cutover', name, ...args]);
      assert.equal(run.code, code, run.stderr);
      assert.match(run.stdout, told);
      const json = await pgtrek(['cutover', name, ...args, '--json']);
      assert.equal(json.code, code);
      assert.equal((JSON.parse(json.stdout) as { name: string }).name, name);
    });
  }

  it('asks for a rollback in the same way', async () => {
    await start('done-before');
    const done = await pgtrek(['rollback', 'done-before', '--reason', 'slow']);
    assert.equal(done.code, 0, done.stderr);
    assert.match(
      done.stdout,
      /^The rollback of done-before is done\.\nThe source is the primary again: .*\nThen: {2}pgtrek finish /,
    );
    const status = await pgtrek(['status', 'done-before']);
    assert.match(status.stdout, /^rollback is done, /m);
    await start('refused-back');
    const refused = await pgtrek(['rollback', 'refused-back']);
    assert.equal(refused.code, 2);
    assert.match(refused.stdout, /the lag is 3 GB\nTry again: {2}pgtrek rollback refused-back\n/);
  });

  it('exits with 3 when a cutover is malformed', async () => {
    await start('malformed');
    const { code, stderr } = await pgtrek(['cutover', 'malformed', '--max-pause', '5']);
    assert.equal(code, 3);
    assert.match(stderr, /MESSAGE_INVALID: cutover: maxPause must be a span/);
  });

  it('exits with 2 when it is blocked, and says how to go on', async () => {
    const { code, stdout } = await start('blocked');
    assert.equal(code, 2);
    assert.match(stdout, /✖ block {2}source\.wal_level {2}wal_level is replica\n {6}ALTER SYSTEM SET/);
    assert.match(stdout, /pgtrek retry blocked .* pgtrek abort blocked/);
  });

  it('shows how far its load is, in status and table by table', async () => {
    await start('loading');
    const isSeen = async () => /120 B of 400 B/.test((await pgtrek(['status', 'loading'])).stdout);
    assert.ok(await waitUntil(isSeen, { deadlineMs: 20_000 }));
    const { stdout } = await pgtrek(['status', 'loading']);
    assert.match(stdout, /▶ load .* 56 % {2}370 B of 650 B · .*all rows in /);
    assert.match(stdout, /1 of 2 tables · 2 of 5 parts · 12 rows/);
    assert.match(stdout, /public\.orders .* 30 % {2}120 B of 400 B {2}1 of 4 parts/);
    const { load } = JSON.parse((await pgtrek(['status', 'loading', '--json'])).stdout) as {
      load?: { bytesDone: number };
    };
    assert.equal(load?.bytesDone, 370);
    const tables = await pgtrek(['tables', 'loading']);
    assert.match(tables.stdout, /\npublic\.orders {2}copying +10 +400 B +60 B +1 of 4\n/);
    assert.equal((await pgtrek(['abort', 'loading'])).code, 0);
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
      /^pgtrek: no worker polls task queue "deserted" yet; waiting 1\d s for one …\npgtrek: NO_WORKER: No worker polls task queue "deserted".*\n {2}remedy: .*pgtrek worker --task-queue deserted/,
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
