import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { checkHooks } from '../../activities/hook-check.js';
import type { HookMessage } from '../../contract/cutover.js';
import { parseSpec } from '../../contract/spec.js';
import { waitUntil } from '../../dev/wait-until.js';
import { resolveSecret } from '../../workers/secrets.js';
import { openHookScene, specWith, startAttempt } from '../harness/hook-job.js';
import type { HookList, HookScene } from '../harness/hook-job.js';
import { startReceiver } from '../harness/webhook.js';
import type { WebhookReceiver } from '../harness/webhook.js';

const SECRET = 'a hook’s secretWord09';

describe('hooks of a cutover', () => {
  let scene: HookScene;
  let receiver: WebhookReceiver;

  before(async () => {
    scene = await openHookScene();
    process.env.TEST_HOOK_SECRET = SECRET;
    await scene.program('keep', 'file=$1; shift; echo "$*" >> "$file"; cat >> "$file"; echo >> "$file"');
    await scene.program('fail', 'echo "the pager is off" >&2; exit 3');
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());
  after(async () => {
    delete process.env.TEST_HOOK_SECRET;
    await scene.remove();
  });

  it('are called in their order, and undone in reverse, as far as they were called', async () => {
    const { hooks, lines } = keepers('order', ['a', 'b', 'c']);
    const call = attempt([...hooks.slice(0, 2), { command: { run: ['fail'] } }, ...hooks.slice(2)]);
    const begun = await call('before');
    assert.deepEqual(
      begun.map(({ n, ok, moment }) => [n, ok, moment]),
      [
        [1, true, 'before'],
        [2, true, 'before'],
        [3, false, 'before'],
      ],
    );
    assert.match(begun[2]?.text ?? '', /fail failed: ended by code 3: the pager is off/);
    assert.equal(begun[2]?.attempts, 1, 'what it had done before it failed nobody knows');
    const undone = await call('undo');
    assert.deepEqual(
      undone.map(({ n, moment }) => [n, moment]),
      [
        [3, 'undo'],
        [2, 'undo'],
        [1, 'undo'],
      ],
    );
    assert.deepEqual(await lines(), ['a before', 'b before', 'b undo', 'a undo']);
  });

  it('are all undone by an attempt that has called none: an earlier one may have', async () => {
    const { hooks, lines } = keepers('fresh', ['a', 'b']);
    assert.deepEqual(
      (await attempt(hooks)('undo')).map(({ n, ok }) => [n, ok]),
      [
        [2, true],
        [1, true],
      ],
    );
    assert.deepEqual(await lines(), ['b undo', 'a undo']);
  });

  it('are called on, when the target opens, where one of them fails', async () => {
    const { hooks, lines } = keepers('open', ['a']);
    const results = await attempt([{ command: { run: ['fail'] } }, ...hooks])('open');
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [false, true],
    );
    assert.deepEqual(await lines(), ['a open']);
  });

  it('tell a program who is the primary, as JSON and in variables', async () => {
    const file = path.join(scene.folder, 'told');
    await scene.program('tell', 'env > "$1.env"; cat > "$1"');
    const call = attempt([{ command: { run: ['tell', file] } }], { direction: 'back' });
    await call('before');
    const message = JSON.parse(await readFile(file, 'utf8')) as HookMessage;
    const old = { host: 'old.internal', port: 5432, database: 'shop' };
    const fresh = { host: 'new.internal', port: 5433, database: 'shop' };
    assert.deepEqual(message, {
      version: 1,
      migration: 'moved',
      owner: 'owner-1',
      marker: 'owner-1:cutover-1',
      direction: 'back',
      moment: 'before',
      from: old,
      to: fresh,
      primary: old,
    });
    await call('open');
    const env = await readFile(`${file}.env`, 'utf8');
    for (const line of [
      'PGTREK_MOMENT=open',
      'PGTREK_DIRECTION=back',
      'PGTREK_FROM_HOST=old.internal',
      'PGTREK_TO_PORT=5433',
      'PGTREK_PRIMARY_HOST=new.internal',
      'PGTREK_PRIMARY_DATABASE=shop',
      'PGTREK_IDEMPOTENCY_KEY=owner-1:cutover-1:1:open',
    ])
      assert.ok(env.split('\n').includes(line), line);
    assert.ok(!env.includes('secretWord'));
  });

  it('post what they tell, signed, and again where it fails, with the same key', async () => {
    receiver.answerNext(500, 503);
    const hook = { http: { url: receiver.url, secret: { env: 'TEST_HOOK_SECRET' } } };
    const [result] = await attempt([hook])('before');
    assert.equal(result?.ok, true);
    assert.equal(result.attempts, 3);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['idempotency-key'])).size, 1);
    for (const { headers, body } of receiver.received) {
      assert.equal(headers['idempotency-key'], 'owner-1:cutover-1:1:before');
      const [, t = '', v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-pgtrek-signature'])) ?? [];
      assert.equal(v1, createHmac('sha256', SECRET).update(`${t}.${body}`).digest('hex'));
    }
  });

  it('give an address up after its retries, and tell no secret and no path of it', async () => {
    receiver.answerAlways(500);
    const [result] = await attempt([{ http: { url: receiver.url, retries: 1 } }])('before');
    assert.equal(result?.ok, false);
    assert.equal(result.attempts, 2);
    assert.match(result.text, /answered 500/);
    assert.ok(!result.text.includes('of=pgtrek'));
  });

  it('tell what a program says without the secrets in it', async () => {
    await scene.program('blab', 'cat > /dev/null; echo "the database’s secretWord08, I said" >&2; exit 1');
    const [result] = await attempt([{ command: { run: ['blab'] } }])('before');
    assert.match(result?.text ?? '', /\*\*\*, I said/);
    assert.ok(!result?.text.includes('secretWord'));
  });

  it('end with the time that there is for them, and none begins after it', async () => {
    await scene.program('hang', 'exec sleep 600');
    const { hooks, lines } = keepers('late', ['a']);
    const end = new AbortController();
    const calling = attempt([{ http: { url: receiver.url } }, { command: { run: ['hang'] } }, ...hooks])(
      'open',
      end.signal,
    );
    await waitUntil(async () => receiver.received.length === 1, { deadlineMs: 5_000 });
    end.abort(new Error('the longest pause has passed'));
    const results = await calling;
    assert.deepEqual(
      results.slice(1).map(({ ok }) => ok),
      [false, false],
    );
    for (const { text } of results.slice(1)) assert.match(text, /the longest pause has passed/);
    assert.deepEqual(await lines(), []);
  });

  it('are refused where the worker does not allow the program, or lacks the secret', async () => {
    const [missing] = await attempt([{ command: { run: ['missing'] } }])('before');
    assert.match(missing?.text ?? '', /missing is not allowed on this worker/);
    assert.equal(missing?.attempts, 1);
    const hook = { http: { url: receiver.url, secret: { env: 'TEST_NO_SUCH_SECRET' } } };
    const [unsigned] = await attempt([hook])('before');
    assert.equal(unsigned?.ok, false);
    assert.match(unsigned.text, /TEST_NO_SUCH_SECRET/);
    assert.equal(receiver.received.length, 0);
  });

  it('are checked by validate, which calls none', async () => {
    const verdictsOf = async (hooks: HookList) =>
      (await checkHooks({ resolveSecret, hooksDir: scene.hooksDir }, specWith(hooks))).map(
        ({ id, scope, verdict }) => `${scope}: ${id} ${verdict}`,
      );
    const secret = { env: 'TEST_NO_SUCH_SECRET' };
    assert.deepEqual(
      await verdictsOf([
        { command: { run: ['keep'] } },
        { command: { run: ['missing'] } },
        { http: { url: receiver.url, secret: { env: 'TEST_HOOK_SECRET' } } },
        { http: { url: receiver.url, secret } },
      ]),
      [
        'cutover.hooks 1: cutover.command ok',
        'cutover.hooks 2: cutover.command block',
        'cutover.hooks 3: cutover.secret ok',
        'cutover.hooks 4: cutover.secret block',
      ],
    );
    assert.equal(receiver.received.length, 0);
  });

  it('cannot ask for secrets of a kind that is not built yet', () => {
    const secret = { awsSecret: 'arn' };
    const retarget = { run: ['retarget'] as [string] };
    for (const hook of [
      { http: { url: 'https://h.internal/', secret } },
      { pgbouncer: { host: 'h', user: 'u', database: 'd', password: secret, retarget } },
    ]) {
      const end = { host: 'h', database: 'd', user: 'u' };
      assert.throws(
        () => parseSpec({ name: 'n', source: end, target: end, cutover: { hooks: [hook] } }),
        /awsSecret/,
      );
    }
  });

  function attempt(hooks: HookList, facts?: Parameters<typeof startAttempt>[1]) {
    return startAttempt({ hooks, hooksDir: scene.hooksDir }, facts);
  }

  /** Programs that write down when they were called. */
  function keepers(name: string, words: string[]): { hooks: HookList; lines: () => Promise<string[]> } {
    const file = path.join(scene.folder, name);
    return {
      hooks: words.map((word) => ({ command: { run: ['keep', file, word] } })),
      lines: async () =>
        (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => /^\w+ \w+$/.test(line)),
    };
  }
});
