import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../activities/index.js';
import { checkHooks } from '../../activities/hook-check.js';
import type { Notification, Run } from '../../contract/activities.js';
import { parseSpec } from '../../contract/spec.js';
import type { SpecInput } from '../../contract/spec.js';
import { findFreePort } from '../../dev/free-port.js';
import { commandLineOf } from '../../dev/process.js';
import { waitUntil } from '../../dev/wait-until.js';
import { resolveSecret } from '../../workers/secrets.js';
import { startReceiver } from '../harness/webhook.js';
import type { WebhookReceiver } from '../harness/webhook.js';

const SECRET = 'a webhook’s secretWord07 of "some" length';

const EVENTS = [
  { n: 3, at: '2026-12-01T02:00:00.000Z', kind: 'blocked', text: 'load is blocked: ünïcode "quoted"' },
  { n: 7, at: '2026-12-01T02:00:01.000Z', kind: 'stopped', text: 'every lane stands' },
];

describe('notify', () => {
  let folder: string;
  let hooksDir: string;
  let receiver: WebhookReceiver;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'pgtrek-test-'));
    hooksDir = path.join(folder, 'hooks');
    await mkdir(hooksDir);
    process.env.TEST_WEBHOOK_SECRET = SECRET;
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  after(async () => {
    delete process.env.TEST_WEBHOOK_SECRET;
    await rm(folder, { recursive: true, force: true });
  });

  it('posts the events with a signature that the secret proves, and a key that a repetition has too', async () => {
    const spec = { webhook: { url: receiver.url, secret: { env: 'TEST_WEBHOOK_SECRET' } } };
    await tell('webhook', spec);
    await tell('webhook', spec);
    await receiver.close();
    assert.equal(receiver.received.length, 2);
    for (const { headers, body, message } of receiver.received) {
      assert.deepEqual(message, {
        version: 1,
        migration: 'told',
        owner: 'owner-1',
        workflowId: 'test',
        events: EVENTS,
        state: { status: 'running', stage: 'load' },
      });
      assert.equal(headers['content-type'], 'application/json');
      assert.equal(headers['idempotency-key'], 'owner-1:3-7');
      const [, t = '', v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-pgtrek-signature'])) ?? [];
      assert.equal(v1, createHmac('sha256', SECRET).update(`${t}.${body}`).digest('hex'));
      assert.ok(Math.abs(Number(t) - Date.now() / 1000) < 60);
    }
  });

  it('does not sign without a secret, and says what was missed', async () => {
    await tell('webhook', { webhook: { url: receiver.url } }, { missed: { from: 1, to: 2 } });
    await receiver.close();
    assert.equal(receiver.received[0]?.headers['x-pgtrek-signature'], undefined);
    assert.deepEqual(receiver.received[0]?.message.missed, { from: 1, to: 2 });
  });

  it('fails, to be tried again, for any answer but 2xx, without following it elsewhere', async () => {
    const spec = { webhook: { url: receiver.url, timeout: '300ms', secret: { env: 'TEST_WEBHOOK_SECRET' } } };
    for (const [status, reason] of [
      [500, /it answered 500/],
      [404, /it answered 404/],
      [302, /it answered 302/],
      [0, /did not answer within 300 ms/],
    ] as const) {
      receiver.answerNext(status);
      const failure = await failureOf(tell('webhook', spec));
      assert.equal(failure.type, 'HOOK_FAILED');
      assert.equal(failure.nonRetryable, false);
      assert.match(failure.message, reason);
      assert.ok(!JSON.stringify(failure).includes('of=pgtrek'), 'only the host is told');
    }
    assert.equal(receiver.received.length, 4, 'nothing was followed');
    await receiver.close();
    assert.match((await failureOf(tell('webhook', spec))).message, /ECONNREFUSED|closed/);
  });

  it('waits for a secret that its worker lacks', async () => {
    const spec = { webhook: { url: receiver.url, secret: { env: 'TEST_NO_SUCH_SECRET' } } };
    const failure = await failureOf(tell('webhook', spec));
    assert.equal(failure.type, 'SECRET_UNAVAILABLE');
    assert.equal(failure.nonRetryable, false);
    assert.equal(receiver.received.length, 0);
    await receiver.close();
  });

  it('ends with its activity, and never waits for an answer longer than that', async () => {
    receiver.answerNext(0);
    const environment = new MockActivityEnvironment();
    const told = tell('webhook', { webhook: { url: receiver.url, timeout: '60s' } }, {}, { environment });
    await waitUntil(async () => receiver.received.length === 1, { deadlineMs: 5_000 });
    environment.cancel();
    await assert.rejects(told, /CancelledFailure|TEST|cancel/i);
    await receiver.close();
  });

  it('runs an allowed program with the events on standard input, and with nothing of the worker’s environment', async () => {
    await program('keep', '#!/bin/sh\ncat > "$1"\nenv > "$1.env"\npwd > "$1.cwd"\n');
    const file = path.join(folder, 'kept');
    await tell('command', { command: { run: ['keep', file] } });
    const message = JSON.parse(await readFile(file, 'utf8')) as { events: unknown };
    assert.deepEqual(message.events, EVENTS);
    const env = await readFile(`${file}.env`, 'utf8');
    assert.match(env, /^PGTREK_IDEMPOTENCY_KEY=owner-1:3-7$/m);
    assert.ok(!env.includes('secretWord07'));
    assert.equal((await readFile(`${file}.cwd`, 'utf8')).trim(), hooksDir);
    await receiver.close();
  });

  it('does not mind a program that reads nothing', async () => {
    await program('deaf', '#!/bin/sh\nexec <&-\nexit 0\n');
    const text = 'x'.repeat(500_000);
    await tell(
      'command',
      { command: { run: ['deaf'] } },
      { events: [{ n: 1, at: '', kind: 'drift', text }] },
    );
    await receiver.close();
  });

  it('tells the end of what a failing program says, and lets it be tried again', async () => {
    await program('grumble', '#!/bin/sh\nyes no | head -c 100000 >&2\necho "the pager is off" >&2\nexit 3\n');
    const failure = await failureOf(tell('command', { command: { run: ['grumble'] } }));
    assert.equal(failure.type, 'HOOK_FAILED');
    assert.equal(failure.nonRetryable, false);
    assert.match(failure.message, /grumble failed: ended by code 3: .*the pager is off/s);
    assert.ok(failure.message.length < 2_200);
    await receiver.close();
  });

  it('refuses a program outside the folder, one that is no executable, and any where none is allowed', async () => {
    await program('fine', '#!/bin/sh\nexit 0\n');
    await writeFile(path.join(hooksDir, 'text'), 'no program');
    await mkdir(path.join(hooksDir, 'folder'));
    await symlink('/nowhere', path.join(hooksDir, 'dangling'));
    for (const name of ['missing', 'text', 'folder', 'dangling']) {
      const failure = await failureOf(tell('command', { command: { run: [name] } }));
      assert.equal(failure.type, 'HOOK_REFUSED', name);
      assert.equal(failure.nonRetryable, true);
    }
    const nowhere = await failureOf(
      tell('command', { command: { run: ['fine'] } }, {}, { hooksDir: undefined }),
    );
    assert.match(nowhere.message, /fine is not allowed on this worker: it allows none/);
    for (const name of ['/bin/sh', '../hooks/fine', '..', '.', '-x', 'a b', '']) {
      assert.throws(() => specOf({ command: { run: [name] } }), /SPEC_INVALID|plain name/, name);
    }
    await receiver.close();
  });

  it('ends the whole group of a program that takes too long, also one that ignores SIGTERM', async () => {
    const pids = path.join(folder, 'pids');
    await program(
      'hang',
      `#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho "$$ $!" > "${pids}"\nwait\nsleep 600\n`,
    );
    const failure = await failureOf(tell('command', { command: { run: ['hang'], timeout: '500ms' } }));
    assert.match(failure.message, /took longer than 500 ms/);
    for (const pid of (await readFile(pids, 'utf8')).trim().split(' ')) {
      const isGone = async () => (await commandLineOf(Number(pid))) === undefined;
      assert.ok(await waitUntil(isGone, { deadlineMs: 5_000 }), `process ${pid} is gone`);
    }
    await receiver.close();
  });

  it('leaves nothing of a program that has ended and left something in the background', async () => {
    const pids = path.join(folder, 'left');
    await program('leave', `#!/bin/sh\nsleep 600 &\necho $! > "${pids}"\n`);
    await tell('command', { command: { run: ['leave'] } });
    const pid = Number(await readFile(pids, 'utf8'));
    assert.ok(await waitUntil(async () => (await commandLineOf(pid)) === undefined, { deadlineMs: 5_000 }));
    await receiver.close();
  });

  it('is checked by validate: the secret and the program must be there', async () => {
    await program('there', '#!/bin/sh\n');
    const { notify: _, ...without } = specOf({ webhook: { url: receiver.url } });
    assert.deepEqual(await checkHooks({ resolveSecret, hooksDir }, without), []);
    const good = specOf({
      webhook: { url: receiver.url, secret: { env: 'TEST_WEBHOOK_SECRET' } },
      command: { run: ['there'] },
    });
    const verdictsOf = async (spec: typeof good, folder = hooksDir) =>
      (await checkHooks({ resolveSecret, hooksDir: folder }, spec)).map(
        ({ id, verdict }) => `${id} ${verdict}`,
      );
    assert.deepEqual(await verdictsOf(good), ['notify.secret ok', 'notify.command ok']);
    const bad = specOf({
      webhook: { url: receiver.url, secret: { env: 'TEST_NO_SUCH_SECRET' } },
      command: { run: ['elsewhere'] },
    });
    assert.deepEqual(await verdictsOf(bad), ['notify.secret block', 'notify.command block']);
    await receiver.close();
  });

  it('reaches the receiver of docs/notify.md, which refuses what is not signed by the secret', async () => {
    await receiver.close();
    const document = await readFile(new URL('../../docs/notify.md', import.meta.url), 'utf8');
    const code = /```js\n([\s\S]*?)```/.exec(document)?.[1] ?? '';
    const file = path.join(folder, 'receive.mjs');
    await writeFile(file, code);
    const port = await findFreePort();
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, PORT: String(port), PGTREK_WEBHOOK_SECRET: SECRET },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    try {
      const url = `http://127.0.0.1:${String(port)}`;
      const signed = { webhook: { url, secret: { env: 'TEST_WEBHOOK_SECRET' } } };
      const isTold = () =>
        tell('webhook', signed).then(
          () => true,
          () => false,
        );
      assert.ok(await waitUntil(isTold, { deadlineMs: 10_000 }));
      await tell('webhook', signed);
      assert.match((await failureOf(tell('webhook', { webhook: { url } }))).message, /answered 401/);
      process.env.TEST_OTHER_SECRET = 'another one';
      const forged = { webhook: { url, secret: { env: 'TEST_OTHER_SECRET' } } };
      assert.match((await failureOf(tell('webhook', forged))).message, /answered 401/);
      assert.equal(output, EVENTS.map(({ kind, text }) => `told ${kind}: ${text}\n`).join(''));
    } finally {
      delete process.env.TEST_OTHER_SECRET;
      child.kill();
    }
  });

  async function tell(
    hook: Notification['hook'],
    notify: SpecInput['notify'],
    rest: Partial<Notification> = {},
    worker: { environment?: MockActivityEnvironment; hooksDir?: string | undefined } = {},
  ): Promise<void> {
    const { environment = new MockActivityEnvironment() } = worker;
    const dependencies = { resolveSecret, dataDir: folder, hostQueue: 'host', hooksDir, ...worker };
    const activities = createActivities(dependencies);
    const state = { status: 'running', stage: 'load' } as const;
    const notification = { hook, events: EVENTS, state, ...rest };
    await environment.run((run: Run) => activities.notify({ run, notification }), {
      name: 'told',
      owner: 'owner-1',
      spec: specOf(notify),
    });
  }

  async function program(name: string, text: string): Promise<void> {
    const file = path.join(hooksDir, name);
    await writeFile(file, text);
    await chmod(file, 0o755);
  }
});

function specOf(notify: SpecInput['notify']) {
  const end = { host: 'h', database: 'd', user: randomUUID() };
  return parseSpec({ name: 'told', source: end, target: end, notify });
}

async function failureOf(told: Promise<void>): Promise<ApplicationFailure> {
  try {
    await told;
  } catch (error) {
    assert.ok(error instanceof ApplicationFailure, String(error));
    return error;
  }
  throw new Error('it did not fail');
}
