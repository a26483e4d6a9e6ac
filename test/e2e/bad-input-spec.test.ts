import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/index.js';
import type { Pgtrek, SpecInput } from '../../client/index.js';
import { findFreePort } from '../../dev/free-port.js';
import { readCatalogs } from '../harness/catalog.js';
import type { Catalogs } from '../harness/catalog.js';
import { cliOf, writeSpec } from '../harness/cli.js';
import type { Cli, CliResult } from '../harness/cli.js';
import { untilBlocked } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'bad-spec';

/** What the command line refuses before anything is started: through `validate -f` and `start -f` alike. */
const REFUSED: { title: string; spec: (good: SpecInput) => SpecInput | string; says: RegExp[] }[] = [
  {
    title: 'several faults of a spec, all at once and each with its path',
    spec: (good) => ({
      ...good,
      name: 'Not A Name',
      source: { ...good.source, port: 99_999 },
      load: { jobs: 0 },
    }),
    says: [
      /SPEC_INVALID: The spec is not valid/,
      /^ {2}name: must match/m,
      /source\.port: /,
      /load\.jobs: /,
      /remedy: Correct these fields/,
    ],
  },
  {
    title: 'an unknown key, by its name',
    spec: (good) => ({ ...good, load: { paralel: 4 } }) as unknown as SpecInput,
    says: [/SPEC_INVALID/, /load: .*paralel/, /remedy: /],
  },
  {
    title: 'what is no YAML, with the line',
    spec: () => 'name: orders\nsource: { host: db1\ntarget: [\n',
    says: [/SPEC_INVALID: The spec is not valid YAML/, /\.yaml:\d+:\d+: /, /remedy: Correct these lines/],
  },
  {
    title: 'an empty file',
    spec: () => '',
    says: [/SPEC_INVALID/, /name: /, /source: /, /target: /, /remedy: /],
  },
  {
    title: 'a password that stands in the spec, without repeating it',
    spec: (good) => ({ ...good, source: { ...good.source, password: 'hunter2' } }) as unknown as SpecInput,
    says: [/SPEC_INVALID/, /source\.password: must be a reference, \{ env: NAME \}/],
  },
  {
    title: 'options that are not built yet, by their names',
    spec: (good) => ({ ...good, load: { method: 'dump' } }),
    says: [/NOT_BUILT_YET: .*load\.method: dump with full-load-and-cdc/, /remedy: Leave it out/],
  },
  {
    title: 'a copy by replication in a load without replication',
    spec: (good) => ({ ...good, mode: 'full-load', load: { method: 'native' } }),
    says: [/SPEC_INVALID/, /load\.method: native .* needs mode full-load-and-cdc/],
  },
  {
    title: 'a slot to start from, with a load that makes its own',
    spec: (good) => ({ ...good, cdc: { start: { slot: 'theirs', publication: 'theirs' } } }),
    says: [/SPEC_INVALID/, /cdc\.start: an existing slot is for mode cdc/],
  },
  {
    title: 'password references that are not built yet',
    spec: (good) => ({
      ...good,
      source: { ...good.source, password: { awsSecret: 'arn:aws:x' } },
      target: { ...good.target, password: { rdsIam: true } },
    }),
    says: [/NOT_BUILT_YET: .*awsSecret \(use env or file\).*rdsIam/],
  },
  {
    title: 'a stop at two points',
    spec: (good) => ({ ...good, cdc: { stop: { now: true, never: true } } }),
    says: [/SPEC_INVALID/, /cdc\.stop: give at most one of at, lsn, now, never/],
  },
  {
    title: 'a stop time without a time zone',
    spec: (good) => ({ ...good, cdc: { stop: { at: '2030-01-01T00:00:00' } } }),
    says: [/SPEC_INVALID/, /cdc\.stop\.at: must be a time with a time zone/],
  },
];

describe('what is refused before anything is started', { concurrency: 2 }, () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let cli: Cli;
  let databases: Databases;
  let good: SpecInput;
  let untouched: Catalogs;

  before(async () => {
    world = await openWorld();
    worker = await startWorker(world, { taskQueue: QUEUE });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    cli = cliOf(world, QUEUE);
    databases = await createDatabases(world, 'bad-spec');
    good = specFor('bad-spec', databases);
    untouched = await readCatalogs(databases);
  });
  after(async () => {
    await client.close();
    await worker.stop();
    await world.close();
  });

  REFUSED.forEach(({ title, spec, says }, n) => {
    it(title, async () => {
      const file = await writeSpec(world, `refused-${String(n)}`, spec(good));
      for (const result of await Promise.all([cli(['validate', '-f', file]), cli(['start', '-f', file])])) {
        assertError(result, says);
        assert.doesNotMatch(result.stderr, /hunter2/);
      }
      await assertUntouched();
    });
  });

  it('a spec file that is not there, as wrong usage', async () => {
    const result = await cli(['start', '-f', '/nowhere/spec.yaml']);
    assert.equal(result.code, 64);
    assert.match(result.stderr, /^pgtrek: cannot read the spec: .*\/nowhere\/spec\.yaml/);
  });

  it('a task queue that no worker polls, with how to start one', async () => {
    const file = await writeSpec(world, 'nobody', { ...good, name: 'nobody' });
    const result = await cli(['start', '-f', file, '--task-queue', 'nobody-here']);
    assertError(result, [
      /NO_WORKER: No worker polls task queue "nobody-here"/,
      /remedy: .*pgtrek worker --task-queue nobody-here/,
    ]);
    assert.ok(!(await client.list()).some(({ name }) => name === 'nobody'), 'no workflow was started');
    await assertUntouched();
  });

  it('a Temporal server that does not answer, with its address', async () => {
    const file = await writeSpec(world, 'unreachable', good);
    const address = `127.0.0.1:${String(await findFreePort())}`;
    const commands = [
      ['start', '-f', file],
      ['status', 'bad-spec'],
      ['orphans', '-f', file, '--remove'],
    ];
    for (const result of await Promise.all(
      commands.map((args) => cli(args, { TEMPORAL_ADDRESS: address })),
    )) {
      assertError(result, [new RegExp(`TEMPORAL_UNREACHABLE: .*${address}`), /remedy: .*TEMPORAL_ADDRESS/]);
    }
    await assertUntouched();
  });

  it('a second migration of one name, and leaves the first as it is', async () => {
    const both = await createDatabases(world, 'twice');
    await query(both.source, 'CREATE TABLE no_key (a int)');
    const file = await writeSpec(world, 'twice', specFor('twice', both));
    assert.equal((await cli(['start', '-f', file])).code, 2);
    const first = await untilBlocked(client.get('twice'));

    assertError(await cli(['start', '-f', file]), [
      /MIGRATION_EXISTS: A migration "twice" is running already/,
      /remedy: See it with pgtrek status twice; .*pgtrek abort twice/,
    ]);
    assert.deepEqual(await client.get('twice').state(), first);
    await client.get('twice').abort();
    assert.equal((await client.get('twice').result()).outcome, 'aborted');
  });

  it('a malformed spec of a caller without our client: the workflow fails and says why', async () => {
    const connection = await Connection.connect({ address: world.temporal.address });
    try {
      const temporal = new Client({ connection });
      await temporal.workflow.start('migration', {
        workflowId: 'pgtrek-raw',
        taskQueue: QUEUE,
        args: [{ name: 'raw', source: { host: '' } }],
      });
      await assert.rejects(client.get('raw').result(), {
        code: 'SPEC_INVALID',
        message: /source\.host: [\s\S]*target: /,
      });
      const status = await cli(['status', 'raw']);
      assert.match(status.stdout + status.stderr, /SPEC_INVALID|failed/);
    } finally {
      await connection.close();
    }
  });

  function assertError({ code, stdout, stderr }: CliResult, says: RegExp[]): void {
    assert.equal(code, 1, stdout + stderr);
    for (const expected of says) assert.match(stderr, expected);
    const told = stderr.replace(/^pgtrek: no worker polls .* yet; waiting .*$/m, '');
    assert.equal(told.match(/^pgtrek: /gm)?.length, 1, `one message: ${stderr}`);
    assert.doesNotMatch(stderr, /^\s+at /m, 'no stack');
  }

  async function assertUntouched(): Promise<void> {
    assert.deepEqual(await readCatalogs(databases), untouched);
  }
});
