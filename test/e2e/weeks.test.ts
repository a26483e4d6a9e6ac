import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { PgtrekError, connect } from '../../client/index.js';
import type {
  MessageName,
  MessageShapes,
  Migration,
  MigrationEvent,
  MigrationState,
  Pgtrek,
} from '../../client/index.js';
import { createOracle } from '../../dev/oracle.js';
import { waitUntil } from '../../dev/wait-until.js';
import { startWriter } from '../../dev/writer.js';
import {
  fetchRuns,
  notedEvents,
  scheduledInput,
  signalsIn,
  taskFailuresIn,
  updatesIn,
} from '../harness/histories.js';
import type { HistoryEvent } from '../harness/histories.js';
import { assertNothingLeft } from '../harness/leaks.js';
import { untilCompleted, untilState } from '../harness/migrations.js';
import { specFor } from '../harness/spec.js';
import { assertExactAt, markerOf } from '../harness/steered.js';
import { startWorker } from '../harness/worker.js';
import type { TestWorker } from '../harness/worker.js';
import { createDatabases, openWorld } from '../harness/world.js';
import type { World } from '../harness/world.js';

const QUEUE = 'weeks';
/** A round lasts 5 minutes there; 3,000 are ten days: `npm run soak`. */
const ROUNDS = Number(process.env.PGTREK_SOAK_ROUNDS ?? '80');
const DEADLINE_MS = 60_000 + ROUNDS * 1_000;
const FAR = '2100-01-01T00:00:00Z';

type Message = { [Name in MessageName]: [Name, MessageShapes[Name]] }[MessageName];

/** One after the other, again and again; the other client is somewhere else in it. Some are always untimely. */
const ROUND_OF_MESSAGES: Message[] = [
  ['stop', { at: FAR }],
  ['pause', {}],
  ['setLoad', { jobs: 2 }],
  ['stop', { never: true }],
  ['resume', {}],
  ['stop', { lsn: 'FFFFFFF/0', then: 'wait' }],
  ['cutover', { dryRun: true }],
  ['retry', {}],
  ['stop', { at: FAR, then: 'finish' }],
  ['finish', {}],
];

/** How often one client sends. */
const EVERY_MS = 250;

interface Sent {
  by: string;
  name: MessageName;
  how: 'signal' | 'update';
  /** Of an Update. late: not within the 10 s that the client waits, as happens on a machine that is very busy. */
  answer?: 'taken' | 'refused' | 'late';
  /** Until the answer. */
  seconds?: number;
}

describe('a migration that is monitored for weeks', () => {
  let world: World;
  let worker: TestWorker;
  let clients: Pgtrek[];
  let connection: Connection;

  before(async () => {
    // A real server suggests it at 4,096 events.
    world = await openWorld({
      temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=100'],
    });
    worker = await startWorker(world, { taskQueue: QUEUE, env: { PGTREK_TEST_ROUND_SECONDS: '0' } });
    const options = { address: world.temporal.address, taskQueue: QUEUE };
    clients = [await connect(options), await connect(options)];
    connection = await Connection.connect({ address: world.temporal.address });
  });
  after(async () => {
    await connection.close();
    await Promise.all(clients.map((client) => client.close()));
    await worker.stop();
    await world.close();
  });

  it(`loses no message in ${String(ROUNDS)} rounds, and stops exactly`, async () => {
    const databases = await createDatabases(world, 'weeks');
    const oracle = await createOracle({ source: databases.source });
    const writer = startWriter({ connection: databases.source, rate: 20 });
    const temporal = new Client({ connection });
    const begun = Date.now();
    try {
      const [first, second] = clients;
      assert.ok(first && second);
      const migration = await first.start(
        specFor('weeks', databases, { taskQueue: QUEUE, cdc: { stop: { never: true } } }),
      );
      const { owner } = await untilState(migration, ({ stage }) => stage === 'monitor');
      const isOver = () => countRounds(worker) >= ROUNDS;
      const sent = await Promise.all([
        sendUntil(isOver, { migration, client: 'a', from: 0 }),
        sendUntil(isOver, { migration: second.get('weeks'), client: 'b', from: 5 }),
      ]);
      assert.ok(isOver(), 'all rounds were made in time');
      await untilApplying(migration);
      await sendToTwoRuns(temporal);
      await migration.stop({ now: true, then: 'finish' });
      const state = await untilCompleted(migration);
      await writer.stop();
      await assertExactAt(oracle, databases, markerOf(state));
      await assertNothingLeft(databases);

      const runs = await fetchRuns(temporal, 'pgtrek-weeks', owner);
      const noted = notedEvents(runs, state.events);
      assertEachOnce(sent.flat(), noted, runs);
      assert.deepEqual(
        noted.filter(({ kind }) => kind === 'blocked' || kind === 'stop-clock'),
        [],
      );
      assert.ok(runs.length > ROUNDS / 20, `${String(runs.length)} runs`);
      // A message that came while a task was done has it done again: that is all that may happen.
      assert.deepEqual(
        taskFailuresIn(runs).filter((cause) => !cause.startsWith('UNHANDLED_')),
        [],
      );
      const perDay = eventsPerDay(runs);
      assert.ok(perDay.events <= 2_000, `${String(perDay.events)} events of history a day`);
      report({ runs, sent: sent.flat(), noted, perDay, seconds: (Date.now() - begun) / 1000 });
    } finally {
      await writer.stop();
      await oracle.drop();
    }
  });
});

function countRounds(worker: TestWorker): number {
  return worker.log().split('a round of monitor is over').length - 1;
}

async function sendUntil(
  isOver: () => boolean,
  { migration, client, from }: { migration: Migration; client: string; from: number },
): Promise<Sent[]> {
  const sent: Sent[] = [];
  const deadline = Date.now() + DEADLINE_MS;
  for (let n = 0; !isOver() && Date.now() < deadline; n += 1) {
    const [name, message] = ROUND_OF_MESSAGES[(from + n) % ROUND_OF_MESSAGES.length] as Message;
    const by = `${client}-${String(n)}`;
    // Every message goes both ways in turn: there is an odd number of turns between the two.
    const how = (n + Math.floor(n / ROUND_OF_MESSAGES.length)) % 2 === 0 ? 'signal' : 'update';
    const next = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (how === 'signal') {
      await migration.signal(name, { ...message, by });
      sent.push({ by, name, how });
    } else {
      const begun = Date.now();
      const answer = await update(migration, name, { ...message, by });
      sent.push({ by, name, how, answer, seconds: (Date.now() - begun) / 1000 });
    }
    await next;
  }
  return sent;
}

async function update<Name extends MessageName>(
  migration: Migration,
  name: Name,
  message: MessageShapes[Name],
): Promise<NonNullable<Sent['answer']>> {
  try {
    const send = migration[name].bind(migration) as (message: MessageShapes[Name]) => Promise<unknown>;
    await send(message);
    return 'taken';
  } catch (error) {
    if (error instanceof PgtrekError && error.code === 'MESSAGE_REFUSED') return 'refused';
    if (error instanceof PgtrekError && error.code === 'NO_WORKER') return 'late';
    throw error;
  }
}

/** Whatever the last of them led to. */
async function untilApplying(migration: Migration): Promise<void> {
  const resting = await untilState(
    migration,
    ({ status, lanes }) => status === 'paused' || (status === 'running' && lanes[0]?.status === 'applying'),
  );
  if (resting.status === 'paused') await migration.resume();
  await untilState(migration, ({ status, lanes }) => status === 'running' && lanes[0]?.status === 'applying');
}

/** As a server may do around a new run: it has effect once, and both are answered. */
async function sendToTwoRuns(temporal: Client): Promise<void> {
  const handle = temporal.workflow.getHandle('pgtrek-weeks');
  const { runId } = await handle.describe();
  const send = () =>
    handle.executeUpdate<MigrationState, [unknown]>('stop', {
      args: [{ at: FAR, reason: 'sent twice' }],
      updateId: 'twice',
    });
  await send();
  assert.ok(
    await waitUntil(async () => (await handle.describe()).runId !== runId, { deadlineMs: 60_000 }),
    'a new run has begun',
  );
  const { events } = await send();
  assert.equal(events.filter(({ text }) => text.includes('sent twice')).length, 1);
}

/** Of what was taken there is one event, of a signal that was refused too, and of no other message any. */
function assertEachOnce(sent: Sent[], noted: MigrationEvent[], runs: HistoryEvent[][]): void {
  assert.deepEqual(
    noted.map(({ n }) => n),
    noted.map((_, index) => index + 1),
    'no event is lost',
  );
  const taken = new Map<string, number>();
  for (const { kind, text } of noted) {
    const by = /^\w+ was asked for by ([ab]-\d+)$/.exec(text)?.[1];
    if (by) taken.set(`${kind} ${by}`, (taken.get(`${kind} ${by}`) ?? 0) + 1);
  }
  const times = ({ name, by }: Sent) => taken.get(`${name} ${by}`) ?? 0;
  const wrong = sent.filter((message) => {
    if (message.answer === 'taken') return times(message) !== 1;
    return message.answer === 'refused' ? times(message) !== 0 : times(message) > 1;
  });
  assert.deepEqual(wrong, [], 'each that was taken is noted once');
  const updates = sent.filter(({ how }) => how === 'update');
  const late = updates.filter(({ answer }) => answer === 'late').length;
  assert.ok(late <= Math.ceil(updates.length / 100), `${String(late)} updates were not answered in time`);
  const signals = sent.filter(({ how }) => how === 'signal');
  const arrived = signalsIn(runs);
  assert.deepEqual(
    signals.map(({ by }) => by).sort(),
    arrived.flatMap(({ by }) => (by === undefined ? [] : [by])).sort(),
    'each signal is in one history',
  );
  const refused = noted.filter(({ kind }) => kind === 'refused').length;
  assert.equal(signals.filter((message) => times(message) === 1).length + refused, signals.length);

  // What they did: the plan changed with each stop, and a pause ended before the next one.
  const planned = noted.filter(({ kind }) => kind === 'stop-planned').length;
  assert.equal(planned, noted.filter(({ kind }) => kind === 'stop').length);
  const pauses = noted.flatMap(({ kind }) => (kind === 'pause' || kind === 'resume' ? [kind] : []));
  assert.ok(pauses.every((kind, index) => kind === (index % 2 === 0 ? 'pause' : 'resume')));
}

interface PerDay {
  /** Of one round in which nothing else happened. */
  perRound: number;
  /** Seconds that the workflow asks for. */
  roundSeconds: number;
  /** Of the beginning of a run that goes on, up to its first round: the longest. */
  perRun: number;
  events: number;
}

/** At the rate of a real server, which suggests a new run at 4,096 events. */
function eventsPerDay(runs: HistoryEvent[][]): PerDay {
  let roundSeconds = 0;
  const heads: number[] = [];
  const quiet: number[] = [];
  for (const events of runs.slice(1)) {
    const rounds = events.flatMap((event, index) => {
      const input = scheduledInput(event, 'monitor') as { seconds: number } | undefined;
      if (input) roundSeconds = Math.max(roundSeconds, input.seconds);
      return input ? [index] : [];
    });
    if (rounds[0] !== undefined) heads.push(rounds[0]);
    for (const [n, end] of rounds.slice(1).entries()) {
      const round = events.slice(rounds[n], end);
      if (round.slice(1).every(isOfRound)) quiet.push(round.length);
    }
  }
  assert.ok(quiet.length > 0 && heads.length > 0, 'there was a round in which nothing else happened');
  // A message that was refused has a task, and leaves nothing else.
  const perRound = Math.min(...quiet);
  const perRun = Math.max(...heads);
  const roundsPerRun = (4_096 - perRun) / perRound;
  const events = Math.ceil((86_400 / roundSeconds) * (perRound + perRun / roundsPerRun));
  return { perRound, roundSeconds, perRun, events };
}

/** Begin and end of its activity, and the tasks of the workflow: nobody has sent anything, and nothing else was begun. */
function isOfRound(event: HistoryEvent): boolean {
  return [
    event.activityTaskStartedEventAttributes,
    event.activityTaskCompletedEventAttributes,
    event.workflowTaskScheduledEventAttributes,
    event.workflowTaskStartedEventAttributes,
    event.workflowTaskCompletedEventAttributes,
  ].some((attributes) => attributes !== null && attributes !== undefined);
}

function report(seen: {
  runs: HistoryEvent[][];
  sent: Sent[];
  noted: MigrationEvent[];
  perDay: PerDay;
  seconds: number;
}): void {
  const { runs, sent, noted, perDay, seconds } = seen;
  const rounds = runs.flat().filter((event) => scheduledInput(event, 'monitor')).length;
  const refused = noted.filter(({ kind }) => kind === 'refused').length;
  const count = (how: Sent['how'], answer?: Sent['answer']) =>
    sent.filter((each) => each.how === how && (answer === undefined || each.answer === answer)).length;
  console.log(
    [
      `${String(rounds)} rounds in ${seconds.toFixed(0)} s, ${String(runs.length - 1)} continued runs`,
      `${String(count('signal'))} signals (${String(refused)} refused), ${String(count('update'))} updates (${String(count('update', 'refused'))} refused)`,
      `${String(noted.length)} events noted, ${String(taskFailuresIn(runs).length)} tasks done again for a message, ${String(countTwice(runs))} updates brought to two runs`,
      `slowest update ${Math.max(...sent.map(({ seconds: taken = 0 }) => taken)).toFixed(1)} s, ${String(count('update', 'late'))} answered late`,
      `longest history ${String(Math.max(...runs.map(({ length }) => length)))} events`,
      `at ${String(perDay.perRound)} events a round of ${String(perDay.roundSeconds)} s: ${String(perDay.events)} a day`,
    ].join('; '),
  );
}

function countTwice(runs: HistoryEvent[][]): number {
  const accepted = updatesIn(runs).flatMap(({ by }) => (by === undefined ? [] : [by]));
  return accepted.length - new Set(accepted).size;
}
