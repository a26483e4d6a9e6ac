import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import type { LaneName } from '../../../contract/names.js';
import { waitUntil } from '../../../dev/wait-until.js';
import { cutOver } from '../../../postgres/cutover/cut-over.js';
import type { Pair } from '../pair.js';
import type { Order } from './cut-over-child.js';
import { openFenced, recordHooks, startFencedPair } from './fenced.js';
import type { Fenced } from './fenced.js';

const CHILD = fileURLToPath(new URL('./cut-over-child.ts', import.meta.url));
const REVERSE = 'pgtrek_build_9' as LaneName;
/** Every third one; all of them with PGTREK_FULL=1. */
const EVERY = process.env.PGTREK_FULL === '1' ? 1 : 3;

describe('a worker that is killed while it cuts over', () => {
  let pair: Pair;
  let fenced: Fenced;
  let spare: ChildProcess | undefined;
  before(async () => {
    pair = await startFencedPair();
    fenced = await openFenced(pair, { spec: { cutover: { denyLogin: ['app'], reverse: true } } });
    await fenced.run('target', `SELECT pg_create_logical_replication_slot('${REVERSE}', 'pgoutput')`);
  });
  after(async () => {
    if (spare) await end(spare);
    await pair.remove();
  });

  it('leaves no fence, and its next attempt undoes or completes', { timeout: 600_000 }, async () => {
    const tags = await tagsOfCleanRun(fenced);
    const decision = tags.indexOf('decide');
    assert.ok(decision > 20 && decision < tags.length - 4, tags.join(', '));
    const faults = tags.flatMap((tag) => [`before ${tag}`, `after ${tag}`]);
    // Up to the first note only reads are made, and a death leaves nothing.
    const noted = faults.indexOf('before note-attempt');
    const chosen = faults.filter(
      (fault, n) => EVERY === 1 || (n >= noted && n % EVERY === 0) || fault.endsWith(' decide'),
    );
    spare = start();
    const outcomes = new Set<string>();
    for (const [n, fault] of chosen.entries()) {
      const child = spare;
      spare = start();
      outcomes.add(await killAndGoOn(fenced, { child, fault, n: n + 10, tags }));
    }
    assert.deepEqual([...outcomes].sort(), ['done', 'undone']);
  });
});

/** In their order, each once. */
async function tagsOfCleanRun(fenced: Fenced): Promise<string[]> {
  const tags = new Set<string>();
  const observer = (moment: string, tag: string) => {
    if (moment === 'before') tags.add(tag);
  };
  const servers = { ...fenced.job.servers, observer };
  const result = await cutOver({ ...fenced.job, servers }, fenced.asked(1, { reverse: [REVERSE] }));
  assert.equal(result.outcome, 'done', JSON.stringify(result));
  await fenced.putBack(1);
  await fenced.assertGoesOn();
  return [...tags];
}

async function killAndGoOn(
  fenced: Fenced,
  { child, fault, n, tags }: { child: ChildProcess; fault: string; n: number; tags: string[] },
): Promise<string> {
  const { marker, maxPause, retired, reverse } = fenced.asked(n, { reverse: [REVERSE] });
  const asked = { marker, maxPause, retired, reverse };
  await fenced.asApp((client) => client.query(`INSERT INTO public.t (note) VALUES ('before')`));
  await ready.get(child);
  child.send({ job: fenced.job, asked, fault } satisfies Order);
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', `dies ${fault}`);
  const released = await waitUntil(async () => (await countFences(fenced)) === 0, { deadlineMs: 5_000 });
  assert.ok(released, `the fence is gone after death ${fault}`);
  const { moments, hooks } = recordHooks();
  const second = await cutOver(fenced.job, { ...asked, hooks, onStep: () => undefined });
  const told = `after death ${fault}: ${JSON.stringify(second)}`;
  if (second.outcome === 'undone') {
    assert.deepEqual(moments, ['undo'], told);
    await fenced.assertGoesOn();
    return second.outcome;
  }
  await fenced.assertDone();
  assert.equal(second.fence.transactionsAfterMarker, 0, told);
  // Before anything is noted the next attempt begins; one that is decided is never taken back.
  const at = tags.indexOf(fault.replace(/^\w+ /, ''));
  assert.ok(at <= tags.indexOf('note-attempt') || at >= tags.indexOf('decide'), told);
  await fenced.putBack(n);
  await fenced.assertGoesOn();
  return second.outcome;
}

async function countFences({ run }: Fenced): Promise<number> {
  return (
    await run(
      'source',
      `SELECT FROM pg_locks WHERE relation = 't'::regclass AND mode IN ('ExclusiveLock', 'ShareUpdateExclusiveLock')`,
    )
  ).length;
}

/** Ready in advance: a start takes longer than a cutover. */
function start(): ChildProcess {
  const child = fork(CHILD, { execArgv: ['--import', 'tsx'] });
  ready.set(child, once(child, 'message'));
  return child;
}

const ready = new WeakMap<ChildProcess, Promise<unknown>>();

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
