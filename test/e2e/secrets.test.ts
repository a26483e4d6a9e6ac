import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connect } from '../../client/index.js';
import type { Migration, Pgtrek, SpecInput } from '../../client/index.js';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import { cliOf, writeSpec } from '../harness/cli.js';
import { assertEqualDatabases } from '../harness/equal.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilBlocked, untilCompleted, untilState } from '../harness/migrations.js';
import { findSecret, sampleArguments, textOf } from '../harness/secrets.js';
import type { ArgumentsSampler } from '../harness/secrets.js';
import { specFor } from '../harness/spec.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld, query } from '../harness/world.js';
import type { Databases, World } from '../harness/world.js';

const QUEUE = 'secrets';
const SECRETS = {
  source: `sourceSecret01 'quoted' "twice" \\back\\slash $HOME $1 %41%s & 100 € ä`,
  target: `targetSecret02 \\' ' = {"json": "x"} #?@:/ %% \${PATH} ñ 密码`,
  wrong: `wrongSecret03 'wrong' \\ "and" 'never' %20 seen`,
};
const ENV = {
  SOURCE_PASSWORD: SECRETS.source,
  TARGET_PASSWORD: SECRETS.target,
  WRONG_PASSWORD: SECRETS.wrong,
};

describe('passwords with strange characters work, and are seen nowhere', () => {
  let world: World;
  let worker: TestWorker;
  let client: Pgtrek;
  let connection: Connection;
  let temporal: Client;
  let sampler: ArgumentsSampler;
  /** What Temporal and the command line showed. */
  const shown: string[] = [];

  before(async () => {
    world = await openWorld({ targetSettings: { log_statement: 'ddl' } });
    await query(
      world.source.connection(),
      `CREATE ROLE mover SUPERUSER LOGIN PASSWORD ${literal(SECRETS.source)}`,
    );
    await query(
      world.target.connection(),
      `CREATE ROLE mover SUPERUSER LOGIN PASSWORD ${literal(SECRETS.target)}`,
    );
    worker = await startWorker(world, { taskQueue: QUEUE, env: { ...ENV, PGTREK_LOG_LEVEL: 'trace' } });
    client = await connect({ address: world.temporal.address, taskQueue: QUEUE });
    connection = await Connection.connect({ address: world.temporal.address });
    temporal = new Client({ connection });
    sampler = sampleArguments();
  });
  after(async () => {
    sampler.stop();
    await client.close();
    await connection.close();
    await worker.stop();
    await world.close();
  });

  it('through a full load with replication', async () => {
    const databases = await createDatabases(world, 'strange');
    const writer = startWriter({ connection: databases.source, rate: 100 });
    const migration = await client.start(specOf('strange', databases));
    const watched = watch(migration);
    try {
      const hasBeat = async () => (await migration.live()).some(({ kind }) => kind === 'monitor');
      assert.ok(await waitUntil(hasBeat, { deadlineMs: 60_000 }), 'monitor told figures by its heartbeat');
      await migration.stop({ now: true, then: 'wait' });
      await untilState(migration, ({ status }) => status === 'stopped');
    } finally {
      await writer.stop();
    }
    await migration.finish();
    await untilCompleted(migration);
    await watched;
    await assertNothingLeft(databases);
  });

  it('through a load by pg_dump and pg_restore', async () => {
    const databases = await createDatabases(world, 'dumped');
    const migration = await client.start(
      specOf('dumped', databases, { mode: 'full-load', load: { method: 'dump' } }),
    );
    const watched = watch(migration);
    await untilCompleted(migration);
    await watched;
    await assertEqualDatabases(databases);
  });

  it('nor when a login fails', async () => {
    const databases = await createDatabases(world, 'fails');
    for (const end of ['source', 'target'] as const) {
      const name = `fails-${end}`;
      const spec = specOf(name, databases);
      spec[end].password = { env: 'WRONG_PASSWORD' };
      const migration = await client.start(spec);
      const watched = watch(migration);
      await untilBlocked(migration);
      const cli = cliOf(world, QUEUE, ENV);
      const validated = await cli(['validate', '-v', '-f', await writeSpec(world, name, spec)], {
        PGTREK_DEBUG: '1',
      });
      assert.equal(validated.code, 2);
      shown.push(validated.stdout, validated.stderr);
      await migration.abort();
      await watched;
    }
  });

  it('nor when the target server cannot log in to the source', async () => {
    const databases = await createDatabases(world, 'replication');
    const spec = specOf('replication', databases);
    spec.source.replication = { password: { env: 'WRONG_PASSWORD' } };
    const migration = await client.start(spec);
    const watched = watch(migration);
    assert.match((await untilBlocked(migration)).blocked?.message ?? '', /source refuses the login of mover/);
    await migration.abort();
    await watched;
  });

  it('in histories, heartbeats, queries, the log of the worker, and the arguments of all processes', async () => {
    const histories = [];
    for await (const { workflowId, runId } of temporal.workflow.list()) {
      const history = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
      histories.push(textOf(history), JSON.stringify(historyToJSON(history)));
    }
    const places = {
      histories: histories.join('\n'),
      shown: shown.join('\n'),
      log: worker.log(),
      arguments: sampler.stop().join('\n'),
    };
    assert.match(places.histories, /WRONG_PASSWORD/, 'payloads were decoded');
    assert.match(places.shown, /lagBytes/, 'heartbeats were decoded');
    assert.match(places.arguments, /pg_dump .*\n[\s\S]*pg_restore /, 'children were seen');
    for (const secret of Object.values(SECRETS)) {
      assert.ok(
        findSecret(`..${Buffer.from(`?${secret}`).toString('base64')}`, secret).length > 0,
        'it would be found',
      );
    }
    for (const [place, text] of Object.entries(places)) {
      for (const [whose, secret] of Object.entries(SECRETS)) {
        assert.deepEqual(findSecret(text, secret), [], `the ${whose} password is in ${place}`);
      }
    }
  });

  it('nor in the log of either server, though the target logs definitions', async () => {
    const logs = {
      source: await world.source.logTail(1_000_000),
      target: await world.target.logTail(1_000_000),
    };
    assert.match(logs.target, /CREATE TABLE public\.film /);
    for (const [end, log] of Object.entries(logs)) {
      const ours = log.split('\n').filter((line) => !line.includes('CREATE ROLE mover'));
      for (const [whose, secret] of Object.entries(SECRETS)) {
        assert.deepEqual(
          ours.filter((line) => findSecret(line, secret).length > 0),
          [],
          `${whose} in the log of ${end}`,
        );
      }
    }
  });

  function specOf(name: string, databases: Databases, rest: Partial<SpecInput> = {}): SpecInput {
    const spec = specFor(name, databases, rest);
    spec.source.user = 'mover';
    spec.target.user = 'mover';
    return spec;
  }

  /** Everything that Temporal tells of the workflow, several times a second until it has ended. */
  async function watch(migration: Migration): Promise<void> {
    const handle = temporal.workflow.getHandle(`pgtrek-${migration.name}`);
    for await (const _ of every(150)) {
      const { raw, status } = await handle.describe();
      const answers = await Promise.all([migration.state(), migration.tables(), migration.events()]).catch(
        String,
      );
      shown.push(textOf(raw), JSON.stringify(answers));
      if (status.name !== 'RUNNING') return;
    }
  }
});

function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
