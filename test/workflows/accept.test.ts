import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MESSAGE_NAMES } from '../../contract/messages.js';
import type { MessageName, MessageShapes } from '../../contract/message-shapes.js';
import type { Status } from '../../contract/state.js';
import { accept } from '../../workflows/accept.js';
import type { Situation, Verdict } from '../../workflows/accept.js';
import { SITUATIONS, situationNamed } from './situations.js';

/** The columns of the table: every message, and those of its forms that are judged apart. */
const COLUMNS: Record<string, { [Name in MessageName]: [Name, MessageShapes[Name]] }[MessageName]> = {
  stop: ['stop', { now: true }],
  never: ['stop', { never: true }],
  pause: ['pause', {}],
  resume: ['resume', {}],
  cutover: ['cutover', {}],
  dryRun: ['cutover', { dryRun: true }],
  finish: ['finish', {}],
  retry: ['retry', {}],
  skip: ['retry', { skip: '0/0000001A' }],
  restart: ['restartOnSchemaChange', { dropTarget: true }],
  setLoad: ['setLoad', { jobs: 8, indexJobs: 4 }],
  abort: ['abort', {}],
};

/** `yes`: accepted. Anything else is the reason, spelled out below. */
const TABLE = `
                                      | stop      never     pause     resume    cutover   dryRun    finish    retry     skip      restart   setLoad   abort
validating                            | yes       yes       yes       neither   early     early     not-yet   no-block  no-block  no-drift  no-plan   yes
dumping                               | yes       yes       yes       neither   early     early     not-yet   no-block  no-block  no-drift  yes       yes
loading                               | yes       yes       yes       neither   early     early     not-yet   no-block  no-block  no-drift  yes       yes
loading, the marker committed         | stopping  stopping  yes       neither   early     early     no-stand  no-block  no-block  no-drift  yes       yes
monitoring                            | yes       yes       yes       neither   yes       yes       not-yet   no-block  no-block  no-drift  loaded    yes
monitoring, drift reported            | yes       yes       yes       neither   yes       yes       not-yet   no-block  no-block  yes       loaded    yes
paused in load                        | yes       yes       already   yes       paused    paused    paused    no-block  no-block  no-drift  yes       yes
paused in monitor                     | yes       yes       already   yes       paused    paused    paused    no-block  no-block  no-drift  loaded    yes
paused, the marker of a stop committed| stopping  stopping  already   yes       paused    paused    paused    no-block  no-block  no-drift  loaded    yes
paused, and blocked in load           | yes       yes       already   yes       blocked   blocked   paused    yes       no-skip   no-drift  yes       yes
blocked in validate                   | yes       yes       blocked   neither   blocked   blocked   not-yet   yes       no-skip   no-drift  yes       yes
blocked in load                       | yes       yes       blocked   neither   blocked   blocked   not-yet   yes       no-skip   no-drift  yes       yes
blocked by SCHEMA_CHANGED             | yes       yes       blocked   neither   blocked   blocked   not-yet   yes       no-skip   yes       yes       yes
blocked in monitor                    | yes       yes       blocked   neither   blocked   blocked   not-yet   yes       no-skip   no-drift  loaded    yes
blocked by APPLY_ERROR                | yes       yes       blocked   neither   blocked   blocked   not-yet   yes       yes       no-drift  loaded    yes
the marker committed, not standing    | stopping  stopping  stopping  neither   stopping  stopping  no-stand  no-block  no-block  no-drift  loaded    yes
the marker committed, and blocked     | stopping  stopping  stopping  neither   blocked   blocked   no-stand  yes       no-skip   no-drift  loaded    yes
blocked by another transaction        | stopping  stopping  stopping  neither   blocked   blocked   no-stand  yes       other     no-drift  loaded    yes
standing after a stop                 | yes       go-on     standing  yes       yes       standing  yes       no-block  no-block  no-drift  loaded    yes
standing after a stop, drift reported | yes       go-on     standing  yes       yes       standing  yes       no-block  no-block  yes       loaded    yes
standing after a stop, and blocked    | yes       go-on     standing  yes       blocked   blocked   yes       yes       no-skip   no-drift  loaded    yes
standing again after a former cutover | yes       go-on     standing  yes       yes       standing  yes       no-block  no-block  no-drift  loaded    yes
standing after a cutover              | cut-over  cut-over  standing  yes       cut-over  cut-over  yes       no-block  no-block  no-drift  loaded    yes
standing after a cutover, drift       | cut-over  cut-over  standing  yes       cut-over  cut-over  yes       no-block  no-block  cut-over  loaded    yes
resume under way                      | yes       yes       resuming  resuming  resuming  resuming  resuming  no-block  no-block  resuming  resuming  yes
resume under way, and blocked         | yes       yes       resuming  resuming  resuming  resuming  resuming  yes       no-skip   resuming  resuming  yes
cutover under way                     | cutting   cutting   cutting   cutting   cutting   cutting   cutting   no-block  no-block  cutting   cutting   yes
cutover under way, and blocked        | cutting   cutting   cutting   cutting   cutting   cutting   cutting   yes       no-skip   cutting   cutting   yes
restart under way                     | again     again     again     again     again     again     again     no-block  no-block  again     again     yes
restart under way, and blocked        | again     again     again     again     again     again     again     yes       no-skip   again     again     yes
finishing                             | finishing finishing finishing finishing finishing finishing finishing no-block  no-block  finishing finishing yes
finishing, and blocked                | finishing finishing finishing finishing finishing finishing finishing yes       no-skip   finishing finishing yes
aborting                              | aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  yes
completed                             | completed completed completed completed completed completed completed completed completed completed completed completed
aborted                               | aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted
full-load/stream, loading             | full-load full-load yes       neither   no-flow   no-flow   full-load no-block  no-block  no-drift  yes       yes
full-load/stream, paused in load      | full-load full-load already   yes       no-flow   no-flow   full-load no-block  no-block  no-drift  yes       yes
full-load/stream, blocked in load     | full-load full-load blocked   neither   no-flow   no-flow   full-load yes       no-skip   no-drift  yes       yes
full-load/dump, restoring             | full-load full-load yes       neither   no-flow   no-flow   full-load no-block  no-block  no-drift  by-dump   yes
full-load/dump, finishing             | finishing finishing finishing finishing finishing finishing finishing no-block  no-block  finishing finishing yes
native, restoring                     | yes       yes       yes       neither   early     early     not-yet   no-block  no-block  no-drift  by-server yes
native, loading                       | yes       yes       yes       neither   early     early     not-yet   no-block  no-block  no-drift  by-server yes
native, monitoring                    | yes       yes       yes       neither   yes       yes       not-yet   no-block  no-block  no-drift  loaded    yes
cdc, validating                       | yes       yes       yes       neither   early     early     not-yet   no-block  no-block  no-drift  cdc       yes
cdc, monitoring, drift reported       | yes       yes       yes       neither   yes       yes       not-yet   no-block  no-block  cdc       cdc       yes
cdc, standing after a stop            | yes       go-on     standing  yes       yes       standing  yes       no-block  no-block  no-drift  cdc       yes
`;

const REASONS: Record<string, RegExp> = {
  // The whole migration.
  completed: /^the migration has completed$/,
  aborted: /^the migration has aborted$/,
  'full-load': /^it is a full load, without replication, and ends by itself$/,
  'no-flow': /^it is a full load, without replication$/,
  // What is under way.
  aborting: /being aborted/,
  finishing: /is finishing/,
  again: /being restarted/,
  resuming: /lanes are about to go on/,
  cutting: /a cutover is under way/,
  // What must be done first, or comes by itself.
  blocked: /is blocked: mend that, and retry, first/,
  paused: /is paused: resume first/,
  already: /paused already/,
  early: /^it is in (validate|dump|restore|load): changes do not flow yet$/,
  'not-yet': /^it is (running|blocked), not stopped: send stop first, with "then": "wait"$/,
  'no-stand': /do not stand at the marker yet/,
  'no-plan': /validate has not passed yet/,
  // What is settled.
  stopping: /^the marker is committed: the lanes stop there$/,
  standing: /stand already/,
  'go-on': /have stopped: send resume/,
  'cut-over': /^the cutover is done: send finish, or resume/,
  loaded: /the load is done/,
  // What there is nothing of.
  neither: /^it is (running|blocked): neither paused nor stopped$/,
  'no-skip': /^what blocks is no transaction that could be left out$/,
  other: /^the transaction that cannot be applied is 0\/2B, not 0\/0000001A$/,
  'no-block': /^nothing blocks: it is (running|paused|stopped)$/,
  'no-drift': /no change of the source’s schema/,
  cdc: /mode cdc loads nothing/,
  'by-dump': /pg_restore take jobs when they begin: only indexJobs/,
  'by-server': /the target server copies by itself: only indexJobs/,
};

const [[, ...columns] = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [situation = '', cells = ''] = line.split('|');
    return [situation.trim(), ...cells.trim().split(/ +/)];
  });

function decide(column: string, situation: Situation): Verdict {
  const [name, message] = COLUMNS[column] ?? assert.fail(`no message in column ${column}`);
  return accept(name, message, situation);
}

describe('what is accepted when', () => {
  for (const [name = '', ...cells] of rows) {
    it(name, () => {
      const situation = situationNamed(name);
      assert.equal(cells.length, columns.length, 'a cell for each message');
      for (const [index, expected] of cells.entries()) {
        const column = columns[index] ?? '';
        const verdict = decide(column, situation);
        const told = `${column}: ${verdict.accepted ? 'accepted' : verdict.reason}`;
        if (expected === 'yes') assert.ok(verdict.accepted, told);
        else {
          assert.ok(!verdict.accepted, told);
          assert.match(verdict.reason, REASONS[expected] ?? assert.fail(`no such reason: ${expected}`), told);
        }
      }
    });
  }

  it('is decided for every message', () => {
    assert.deepEqual(columns, Object.keys(COLUMNS));
    assert.deepEqual(
      [...new Set(Object.values(COLUMNS).map(([name]) => name))].sort(),
      [...MESSAGE_NAMES].sort(),
    );
  });

  it('is decided for every situation, status and message under way', () => {
    assert.deepEqual(rows.map(([name]) => name).sort(), Object.keys(SITUATIONS).sort());
    const situations = Object.keys(SITUATIONS).map(situationNamed);
    // A new one is missed by the compiler here.
    const statuses: Record<Status, true> = {
      running: true,
      paused: true,
      blocked: true,
      stopped: true,
      completed: true,
      aborted: true,
    };
    const underWay: Record<NonNullable<Situation['underWay']>, true> = {
      abort: true,
      restart: true,
      finish: true,
      resume: true,
      cutover: true,
    };
    const met = new Set(situations.flatMap((each) => [each.state.status, each.underWay]));
    assert.deepEqual(
      [...Object.keys(statuses), ...Object.keys(underWay)].filter((each) => !(met as Set<string>).has(each)),
      [],
    );
  });

  it('uses every reason', () => {
    const used = new Set(rows.flatMap(([, ...cells]) => cells));
    assert.deepEqual(
      Object.keys(REASONS).filter((reason) => !used.has(reason)),
      [],
    );
  });
});

describe('by what it says, too:', () => {
  it('a restart needs consent to drop what was restored', () => {
    const asked = (name: string) => accept('restartOnSchemaChange', {}, situationNamed(name));
    const refused = asked('monitoring, drift reported');
    assert.match(refused.accepted ? '' : refused.reason, /consent with \{"dropTarget": true\}/);
  });

  it('of the load, the number of index builds can be changed whatever copies', () => {
    for (const name of ['full-load/dump, restoring', 'native, restoring', 'native, loading'])
      assert.equal(accept('setLoad', { indexJobs: 4 }, situationNamed(name)).accepted, true, name);
  });

  it('a stop at an LSN is judged like any other', () => {
    const asked = (name: string) => accept('stop', { lsn: '16/B374D848' }, situationNamed(name)).accepted;
    assert.deepEqual(
      ['loading', 'monitoring', 'standing after a stop', 'standing after a cutover'].map(asked),
      [true, true, true, false],
    );
  });
});
