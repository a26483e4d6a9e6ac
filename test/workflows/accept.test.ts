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
  rollback: ['rollback', {}],
  finish: ['finish', {}],
  retry: ['retry', {}],
  skip: ['retry', { skip: '0/0000001A' }],
  restart: ['restartOnSchemaChange', { dropTarget: true }],
  setLoad: ['setLoad', { jobs: 8, indexJobs: 4 }],
  verify: ['verify', {}],
  repair: ['verify', { repair: true }],
  abort: ['abort', {}],
  drop: ['abort', { dropTarget: true }],
};

/** `yes`: accepted. Anything else is the reason, spelled out below. */
const TABLE = `
                                      | stop      never     pause     resume    cutover   dryRun    rollback  finish    retry     skip      restart   setLoad   verify    repair    abort     drop
validating                            | yes       yes       yes       neither   early     early     not-cut   not-yet   no-block  no-block  no-drift  no-plan   early     early     yes       yes
dumping                               | yes       yes       yes       neither   early     early     not-cut   not-yet   no-block  no-block  no-drift  yes       early     early     yes       yes
loading                               | yes       yes       yes       neither   early     early     not-cut   not-yet   no-block  no-block  no-drift  yes       early     early     yes       yes
loading, the marker committed         | stopping  stopping  yes       neither   early     early     not-cut   no-stand  no-block  no-block  no-drift  yes       early     early     yes       yes
monitoring                            | yes       yes       yes       neither   yes       yes       not-cut   not-yet   no-block  no-block  no-drift  loaded    yes       stand-first yes       yes
monitoring, drift reported            | yes       yes       yes       neither   yes       yes       not-cut   not-yet   no-block  no-block  yes       loaded    yes       stand-first yes       yes
paused in load                        | yes       yes       already   yes       paused    paused    not-cut   paused    no-block  no-block  no-drift  yes       early     early     yes       yes
paused in monitor                     | yes       yes       already   yes       paused    paused    not-cut   paused    no-block  no-block  no-drift  loaded    yes       stand-first yes       yes
paused, the marker of a stop committed| stopping  stopping  already   yes       paused    paused    not-cut   paused    no-block  no-block  no-drift  loaded    yes       stand-first yes       yes
paused, and blocked in load           | yes       yes       already   yes       blocked   blocked   not-cut   paused    yes       no-skip   no-drift  yes       early     early     yes       yes
blocked in validate                   | yes       yes       blocked   neither   blocked   blocked   not-cut   not-yet   yes       no-skip   no-drift  yes       early     early     yes       yes
blocked in load                       | yes       yes       blocked   neither   blocked   blocked   not-cut   not-yet   yes       no-skip   no-drift  yes       early     early     yes       yes
blocked by SCHEMA_CHANGED             | yes       yes       blocked   neither   blocked   blocked   not-cut   not-yet   yes       no-skip   yes       yes       early     early     yes       yes
blocked in monitor                    | yes       yes       blocked   neither   blocked   blocked   not-cut   not-yet   yes       no-skip   no-drift  loaded    yes       stand-first yes       yes
blocked by APPLY_ERROR                | yes       yes       blocked   neither   blocked   blocked   not-cut   not-yet   yes       yes       no-drift  loaded    yes       stand-first yes       yes
blocked by another transaction        | stopping  stopping  stopping  neither   blocked   blocked   not-cut   no-stand  yes       other     no-drift  loaded    yes       stand-first yes       yes
the marker committed, not standing    | stopping  stopping  stopping  neither   stopping  stopping  not-cut   no-stand  no-block  no-block  no-drift  loaded    yes       stand-first yes       yes
the marker committed, and blocked     | stopping  stopping  stopping  neither   blocked   blocked   not-cut   no-stand  yes       no-skip   no-drift  loaded    yes       stand-first yes       yes
standing after a stop                 | yes       go-on     standing  yes       yes       standing  not-cut   yes       no-block  no-block  no-drift  loaded    yes       yes       yes       yes
standing after a stop, drift reported | yes       go-on     standing  yes       yes       standing  not-cut   yes       no-block  no-block  yes       loaded    yes       yes       yes       yes
standing after a stop, and blocked    | yes       go-on     standing  yes       blocked   blocked   not-cut   yes       yes       no-skip   no-drift  loaded    yes       yes       yes       yes
standing again after a former cutover | yes       go-on     standing  yes       yes       standing  not-cut   yes       no-block  no-block  no-drift  loaded    yes       yes       yes       yes
standing after a cutover              | cut-over  cut-over  standing  yes       cut-over  cut-over  not-cut   yes       no-block  no-block  no-drift  loaded    yes       yes       yes       yes
standing after a cutover, drift       | cut-over  cut-over  standing  yes       cut-over  cut-over  not-cut   yes       no-block  no-block  cut-over  loaded    yes       yes       yes       yes
resume under way                      | yes       yes       resuming  resuming  resuming  resuming  resuming  resuming  no-block  no-block  resuming  resuming  resuming  resuming  yes       yes
resume under way, and blocked         | yes       yes       resuming  resuming  resuming  resuming  resuming  resuming  yes       no-skip   resuming  resuming  resuming  resuming  yes       yes
cutover under way                     | cutting   cutting   cutting   cutting   cutting   cutting   cutting   cutting   no-block  no-block  cutting   cutting   cutting   cutting   yes       may-be-used
cutover under way, and blocked        | cutting   cutting   cutting   cutting   cutting   cutting   cutting   cutting   yes       no-skip   cutting   cutting   cutting   cutting   yes       may-be-used
restart under way                     | again     again     again     again     again     again     again     again     no-block  no-block  again     again     again     again     yes       yes
restart under way, and blocked        | again     again     again     again     again     again     again     again     yes       no-skip   again     again     again     again     yes       yes
finishing                             | finishing finishing finishing finishing finishing finishing finishing finishing no-block  no-block  finishing finishing finishing finishing yes       yes
finishing, and blocked                | finishing finishing finishing finishing finishing finishing finishing finishing yes       no-skip   finishing finishing finishing finishing yes       yes
aborting                              | aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  aborting  yes       yes
completed                             | completed completed completed completed completed completed completed completed completed completed completed completed completed completed completed completed
aborted                               | aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted   aborted
the target is the primary, no way back| no-way-on no-way-on no-way-on no-way-on no-way-on no-way-on no-way-back yes       no-block  no-block  no-drift  loaded    no-way-on no-way-on yes       switched
protecting                            | no-way-on no-way-on yes       no-way-on no-way-on no-way-on yes       yes       no-block  no-block  no-drift  loaded    yes       stand-first yes       switched
protecting, and blocked               | no-way-on no-way-on blocked   no-way-on blocked   blocked   blocked   yes       yes       no-skip   no-drift  loaded    yes       stand-first yes       switched
protecting, and paused                | no-way-on no-way-on already   yes       paused    paused    paused    paused    no-block  no-block  no-drift  loaded    yes       stand-first yes       switched
rollback under way                    | cutting   cutting   cutting   cutting   cutting   cutting   cutting   cutting   no-block  no-block  cutting   cutting   cutting   cutting   yes       switched
rolled back                           | yes       yes       yes       neither   yes       yes       not-cut   not-yet   no-block  no-block  switched  loaded    yes       stand-first yes       switched
both databases are compared           | yes       yes       yes       neither   yes       yes       not-cut   not-yet   no-block  no-block  no-drift  loaded    comparing comparing yes       yes
full-load/stream, loading             | full-load full-load yes       neither   no-flow   no-flow   not-cut   full-load no-block  no-block  no-drift  yes       verify-f  verify-f  yes       yes
full-load/stream, paused in load      | full-load full-load already   yes       no-flow   no-flow   not-cut   full-load no-block  no-block  no-drift  yes       verify-f  verify-f  yes       yes
full-load/stream, blocked in load     | full-load full-load blocked   neither   no-flow   no-flow   not-cut   full-load yes       no-skip   no-drift  yes       verify-f  verify-f  yes       yes
full-load/dump, restoring             | full-load full-load yes       neither   no-flow   no-flow   not-cut   full-load no-block  no-block  no-drift  by-dump   verify-f  verify-f  yes       yes
full-load/dump, finishing             | finishing finishing finishing finishing finishing finishing finishing finishing no-block  no-block  finishing finishing finishing finishing yes       yes
native, restoring                     | yes       yes       yes       neither   early     early     not-cut   not-yet   no-block  no-block  no-drift  by-server early     early     yes       yes
native, loading                       | yes       yes       yes       neither   early     early     not-cut   not-yet   no-block  no-block  no-drift  by-server early     early     yes       yes
native, monitoring                    | yes       yes       yes       neither   yes       yes       not-cut   not-yet   no-block  no-block  no-drift  loaded    yes       stand-first yes       yes
cdc, validating                       | yes       yes       yes       neither   early     early     not-cut   not-yet   no-block  no-block  no-drift  cdc       early     early     yes       yes
cdc, monitoring, drift reported       | yes       yes       yes       neither   yes       yes       not-cut   not-yet   no-block  no-block  cdc       cdc       yes       stand-first yes       yes
cdc, standing after a stop            | yes       go-on     standing  yes       yes       standing  not-cut   yes       no-block  no-block  no-drift  cdc       yes       yes       yes       yes
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
  cutting: /^a cutover is under way$/,
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
  'no-way-on': /^the target is the primary now/,
  'no-way-back': /^the cutover kept no way back/,
  'may-be-used': /^a cutover is under way, and the target may be in use/,
  switched: /^a cutover has made the target the primary/,
  comparing: /^both databases are being compared already$/,
  'not-cut': /^no cutover is done that could be taken back$/,
  'verify-f': /^it is a full load, without replication: use pgtrek verify -f/,
  'stand-first': /^rows are mended only while the lanes stand/,
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
