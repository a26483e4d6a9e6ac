import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { Pgtrek, SpecInput } from '../../client/index.js';
import { workflowId } from '../../contract/names.js';
import { findTemporal } from '../../dev/setup/find-temporal.mjs';
import { CLIENTS, prepareGo, preparePython } from '../fixtures/clients/prepare.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

/** What the documents use; the world's Temporal server is its own. */
const QUEUE = 'pgtrek';
const RUN_DEADLINE_MS = 120_000;
const NOT_DECODED = /cannot be read/;

const execute = promisify(execFile);

describe('other clients than pgtrek', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let doc: string;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    doc = await readFile(new URL('../../docs/other-clients.md', import.meta.url), 'utf8');
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  const run = (command: string, args: string[]) =>
    execute(command, args, {
      cwd: world.folder,
      env: { ...process.env, TEMPORAL_ADDRESS: world.temporal.address, PATH: pathWithTemporal() },
      timeout: RUN_DEADLINE_MS,
    });
  const shell = (command: string) => run('bash', ['-c', command]);

  const writeJsonSpec = async (spec: SpecInput, file: string) => {
    const full = path.join(world.folder, file);
    await mkdir(path.dirname(full), { recursive: true });
    await writeFile(full, JSON.stringify(spec));
    return full;
  };

  /** The whole program is in the documents, moves a database, and prints the outcome. */
  const assertMigrates = async (name: string, file: string, program: (spec: string) => Promise<string>) => {
    assert.ok(doc.includes(await readFile(path.join(CLIENTS, file), 'utf8')), `${file} is in the documents`);
    const databases = await createDatabases(world, name);
    const stdout = await program(await writeJsonSpec(specFor(name, databases), `${name}.json`));
    assert.match(stdout, /^finished \[\]$/m);
    const { events } = await client.get(name).state();
    assert.ok(
      events.some(
        ({ kind, text }) => kind === 'stop' && text.includes(path.basename(file, path.extname(file))),
      ),
    );
    await assertCopied(name, databases);
  };

  const assertCopied = async (name: string, databases: Databases) => {
    await assertEqualDatabases(databases);
    await assertNothingLeft(databases);
    await assertNoFailedTask(world, name);
    assert.ok(
      (await client.list()).some((listed) => listed.name === name && listed.workflow === 'completed'),
    );
  };

  /** A migration that stays where it is: the worker has no such password. */
  const startBlocked = async (name: string) => {
    const end = { host: '127.0.0.1', database: name, user: 'mover', password: { env: 'NOT_SET' } };
    const migration = await client.start({ name, source: end, target: end });
    await untilBlocked(migration);
    return migration;
  };

  /** It fails at once with the reason: no retry could mend it. */
  const assertSpecInvalid = async (name: string) => {
    await assert.rejects(client.get(name).result(), { code: 'SPEC_INVALID' });
    await assertNoFailedTask(world, name);
  };

  /** What the migration says of what it could not take: `refused` and `unknown-signal` events, and no stop. */
  const assertRefused = async (name: string, reasons: RegExp[]) => {
    const migration = client.get(name);
    const refusals = (events: { kind: string; text: string }[]) =>
      events.filter(({ kind }) => kind === 'refused' || kind === 'unknown-signal').map(({ text }) => text);
    const { events, stop } = await untilState(
      migration,
      (state) => refusals(state.events).length >= reasons.length,
    );
    const texts = refusals(events);
    assert.equal(texts.length, reasons.length, texts.join('\n'));
    reasons.forEach((reason, n) => assert.match(texts[n] ?? '', reason));
    assert.equal(stop, undefined);
    await migration.abort();
    assert.equal((await migration.result()).outcome, 'aborted');
    await assertNoFailedTask(world, name);
  };

  it('the temporal command: starts, asks, stops and waits as documented', async () => {
    const databases = await createDatabases(world, 'orders');
    await writeJsonSpec(specFor('orders', databases), 'spec.json');
    const documented = (part: string) => commandIn(doc, part);
    await shell(documented('workflow start'));
    await assert.rejects(shell(documented('workflow start')), /already (started|running)/i);

    const migration = client.get('orders');
    await untilState(migration, ({ stage }) => stage === 'monitor');
    const asked = JSON.parse((await shell(documented('--type state'))).stdout) as {
      queryResult: { name: string }[];
    };
    assert.equal(asked.queryResult[0]?.name, 'orders');
    await shell(documented('workflow query --workflow-id pgtrek-orders --type tables'));
    const stop = documented('workflow signal');
    await shell(stop.replace(/--input .*/, '--input \'"now"\''));
    await shell(stop.replace(/--name stop/, '--name stpo'));
    await untilState(migration, ({ events }) => events.some(({ kind }) => kind === 'unknown-signal'));
    assert.equal((await migration.state()).stop?.kind, 'never');
    assert.match((await shell(documented('update execute'))).stdout, /Name +stop/);
    await shell(stop);
    assert.match((await shell(documented('workflow result'))).stdout, /finished/);
    await assertCopied('orders', databases);
  });

  it('the temporal command: without --fail-existing a second start says nothing and starts nothing', async () => {
    const start = `temporal workflow start --type migration --task-queue ${QUEUE} --workflow-id pgtrek-twice -o json`;
    const migration = await startBlocked('twice');
    const again = JSON.parse((await shell(`${start} --id-conflict-policy Fail`)).stdout) as { runId: string };
    assert.equal(again.runId, (await migration.summary()).runId);
    await assert.rejects(shell(`${start} --fail-existing`), /already (started|running)/i);
    await migration.abort();
  });

  it('the temporal command: a malformed signal becomes an event, and a start without input fails with the reason', async () => {
    const start = `temporal workflow start --type migration --task-queue ${QUEUE} --workflow-id`;
    const signal = 'temporal workflow signal --workflow-id pgtrek-cli-bad --name';
    await startBlocked('cli-bad');
    await shell(
      [
        `${signal} stop`,
        `${signal} stop --input null`,
        `${signal} stop --input '["now"]'`,
        `${signal} stop --input '{"now": true, "then": "dance"}'`,
        `${signal} stop --input now --input-meta encoding=binary/plain`,
        `${signal} stop --input '{"now": true}' --input-meta encoding=json/protobuf`,
        `${signal} snapshot`,
        `${signal} stpo --input '{"now": true}'`,
      ].join(' && '),
    );
    await assertRefused('cli-bad', [
      /exactly one/,
      /exactly one/,
      /got a list/,
      /then must be/,
      /got bytes/,
      NOT_DECODED,
      /snapshot/,
      /no signal "stpo"/,
    ]);
    await shell(`${start} pgtrek-cli-empty && ${start} pgtrek-cli-list --input '[]'`);
    await shell(`${start} pgtrek-cli-binary --input x --input-meta encoding=binary/encrypted`);
    for (const name of ['cli-empty', 'cli-list', 'cli-binary']) await assertSpecInvalid(name);
  });

  it('Python: starts, asks, stops and waits as documented', async () => {
    const python = await preparePython();
    await assertMigrates(
      'python',
      'python/migrate.py',
      async (spec) => (await run(python, [path.join(CLIENTS, 'python', 'migrate.py'), spec])).stdout,
    );
  });

  it('Python: a malformed signal becomes an event, and a start without input fails with the reason', async () => {
    const python = await preparePython();
    await startBlocked('python-bad');
    await run(python, [path.join(CLIENTS, 'python', 'malformed.py'), 'python-bad']);
    await assertSpecInvalid('python-bad-empty');
    await assertRefused('python-bad', [
      /exactly one/,
      /exactly one/,
      /got string/,
      /got a list/,
      /got bytes/,
      /exactly one/,
      /got string/,
      NOT_DECODED,
      NOT_DECODED,
      NOT_DECODED,
      /snapshot/,
      /snapshot/,
      /no signal "stpo"/,
      /no signal "stpo"/,
    ]);
  });

  it('Go: starts, asks, stops and waits as documented', async () => {
    const folder = await prepareGo();
    await assertMigrates(
      'go',
      'go/migrate/main.go',
      async (spec) => (await run(path.join(folder, 'migrate'), [spec])).stdout,
    );
  });

  it('Go: a malformed signal becomes an event, and a start without input fails with the reason', async () => {
    const folder = await prepareGo();
    await startBlocked('go-bad');
    await run(path.join(folder, 'malformed'), ['go-bad']);
    await assertSpecInvalid('go-bad-empty');
    await assertRefused('go-bad', [
      /exactly one/,
      /got string/,
      /got a list/,
      /got bytes/,
      /exactly one/,
      NOT_DECODED,
      NOT_DECODED,
      NOT_DECODED,
      /snapshot/,
      /snapshot/,
      /no signal "stpo"/,
      /no signal "stpo"/,
    ]);
  });
});

/** A shell command of the documents, with its continued lines. */
function commandIn(doc: string, part: string): string {
  const commands = [...doc.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) =>
    block.split(/(?<!\\)\n/),
  );
  const command = commands.find((text) => text.includes(part));
  if (command === undefined) throw new Error(`docs/other-clients.md has no command with ${part}`);
  return command;
}

function pathWithTemporal(): string {
  const folder = path.dirname(findTemporal() ?? '');
  return `${folder}${path.delimiter}${process.env.PATH ?? ''}`;
}

async function assertNoFailedTask(world: World, name: string): Promise<void> {
  const connection = await Connection.connect({ address: world.temporal.address });
  try {
    const { events } = await new Client({ connection }).workflow.getHandle(workflowId(name)).fetchHistory();
    const failures = (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => failed ?? []);
    // A signal that arrives while a task ends makes the server ask for another: nothing has failed.
    const messages = failures.map(({ failure }) => failure?.message);
    assert.deepEqual(
      messages.filter((message) => message !== 'UnhandledCommand'),
      [],
    );
  } finally {
    await connection.close();
  }
}
