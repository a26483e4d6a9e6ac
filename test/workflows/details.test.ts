import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MigrationState } from '../../contract/state.js';
import { renderDetails } from '../../workflows/details.js';

const STATE: MigrationState = {
  version: 1,
  name: 'orders',
  owner: 'run',
  mode: 'full-load-and-cdc',
  method: 'stream',
  status: 'running',
  stage: 'load',
  stages: [
    { name: 'validate', status: 'done' },
    { name: 'load', status: 'running' },
    { name: 'stop', status: 'waiting' },
  ],
  lanes: [],
  totals: {
    tables: 10,
    tablesCopied: 4,
    parts: 4,
    partsCopied: 4,
    bytesPlanned: '100',
    bytesDone: '40',
    bytesCopied: '40',
    rowsCopied: '7',
    indexes: 3,
    indexesBuilt: 1,
    constraints: 0,
    constraintsBuilt: 0,
  },
  stop: { kind: 'at', at: '2026-12-01T02:00:00Z', then: 'finish' },
  findings: [],
  events: [],
};

describe('the details in the Web UI', () => {
  it('say where it is, what comes next, and how far it is', () => {
    const text = renderDetails(STATE);
    assert.match(text, /^\*\*running\*\* in \*\*load\*\*/);
    assert.match(text, /Stop: at 2026-12-01T02:00:00Z/);
    assert.match(text, /tables 4 of 10 · indexes 1 of 3/);
    assert.match(text, /✔ validate ▶ load · stop\n/);
  });

  it('say how much of the plan is copied, never all before it is, and parts only where tables are split', () => {
    const line = (totals: Partial<MigrationState['totals']>) =>
      renderDetails({ ...STATE, totals: { ...STATE.totals, ...totals } })
        .split('\n\n')
        .at(-2);
    const planned = { bytesPlanned: String(2.5 * 1024 ** 3), bytesDone: String(1024 ** 3), bytesCopied: '1' };
    assert.equal(
      line({ ...planned, parts: 30, partsCopied: 12 }),
      'copied 40 % of 2.5 GB · tables 4 of 10 · parts 12 of 30 · indexes 1 of 3 · 7 rows copied',
    );
    assert.match(
      line({ bytesPlanned: '300', bytesDone: '300' }) ?? '',
      /^copied 99 % of 300 bytes · tables 4/,
    );
    assert.match(line({ bytesPlanned: '0', bytesDone: '0' }) ?? '', /^tables 4 of 10 · indexes/);
    assert.match(line({ tablesCopied: 10, bytesDone: '100' }) ?? '', /^tables 10 of 10 · indexes/);
  });

  it('say first what blocks, with the statement that mends it, and what to send then', () => {
    const text = renderDetails({
      ...STATE,
      status: 'blocked',
      blocked: {
        stage: 'load',
        code: 'INDEX_FAILED',
        message: 'Cannot build index a.',
        remedy: 'DELETE FROM a;',
        since: '',
      },
    });
    assert.match(
      text,
      /^\*\*BLOCKED\*\* in \*\*load\*\*: `INDEX_FAILED` Cannot build index a\.\n\n\*\*Remedy:\*\* `DELETE FROM a;`/,
    );
    assert.match(text, /signal `retry`/);
  });

  it('say what to send while it is paused, and once the lanes stand', () => {
    const next = (changes: Partial<MigrationState>) => renderDetails({ ...STATE, ...changes });
    assert.match(next({ status: 'paused', paused: { since: '' } }), /signal `resume`/);
    assert.match(
      next({ status: 'stopped', stage: 'stop' }),
      /`finish`, `cutover`, `resume` or another `stop`/,
    );
    assert.match(
      next({ status: 'stopped', stage: 'cutover' }),
      /is done\. Next: the signal `finish`, or `resume`/,
    );
  });

  it('say why a cutover came to nothing, and that the schema has changed', () => {
    const text = renderDetails({
      ...STATE,
      cutover: { outcome: 'undone', at: '', reasons: ['the lanes did not stand 5s after the marker'] },
      drift: { since: '', changes: [], total: 2, digest: '' },
    });
    assert.match(text, /The cutover was \*\*undone\*\*: the lanes did not stand/);
    assert.match(
      text,
      /\*\*The schema of the source has changed\*\*: 2 changes\. .* `restartOnSchemaChange`/,
    );
  });

  it('say what alerts stand, until it is over', () => {
    const alerts = [
      { id: 'wal-80', text: 'our slots hold back 41 GB', since: '' },
      { id: 'lag', text: 'the target is 10 min behind', since: '' },
    ];
    const text = renderDetails({ ...STATE, alerts });
    assert.match(text, /^\*\*⚠\*\* our slots hold back 41 GB\n\n\*\*⚠\*\* the target is 10 min behind$/m);
  });

  it('say of validate what else blocks, with its remedy, and of many how many more', () => {
    const findings = Array.from({ length: 7 }, (_, n) => ({
      id: 'source.replica_identity',
      scope: `source.table public.t${String(n)}`,
      verdict: 'block' as const,
      why: `Table public.t_${String(n)} has no key.`,
      remedy: `ALTER TABLE public.t_${String(n)} REPLICA IDENTITY FULL;`,
      ...(n === 1 ? { restart: true } : {}),
    }));
    const text = renderDetails({
      ...STATE,
      status: 'blocked',
      findings,
      blocked: {
        stage: 'validate',
        code: 'VALIDATION_FAILED',
        message: 'Table public.t_0 has no key. (and 6 more findings)',
        remedy: 'ALTER TABLE public.t_0 REPLICA IDENTITY FULL;',
        since: '',
      },
    });
    assert.equal(text.match(/Table public\.t\\_0/g)?.length, 1);
    assert.match(
      text,
      /\*\*✖\*\* `source\.replica_identity` Table public\.t\\_1 has no key\.\n\n\*\*Remedy:\*\* `ALTER TABLE public\.t_1 REPLICA IDENTITY FULL;`\n\nThe server needs a restart/,
    );
    assert.match(text, /\*\*And 2 more\*\* that block/);
    assert.ok(text.indexOf('And 2 more') < text.indexOf('signal `retry`'), 'before what comes next');
  });

  it('count the warnings, name the first, and tell what the stages to come will take, until the end', () => {
    const warn = (id: string) => ({ id, scope: 'source', verdict: 'warn' as const, why: id });
    const ids = ['source.a', 'source.b', 'source.b', 'source.c', 'source.d', 'source.e', 'source.f'];
    const estimates = [
      { stage: 'validate' as const, seconds: 1, how: 'it' },
      { stage: 'load' as const, seconds: 740, bytes: String(34 * 1024 ** 3), how: 'it' },
      { stage: 'stop' as const, seconds: 0.2, how: 'it' },
    ];
    const told = { findings: ids.map(warn), estimates };
    const text = renderDetails({ ...STATE, ...told });
    assert.match(text, /\*\*7 warnings\*\* of validate: `source\.a`, `source\.b`, .*`source\.e`, …\n/);
    assert.match(text, /Expected: load about 12 min, 34\.0 GB · stop about 1 s\n/);
    const ended = renderDetails({
      ...STATE,
      ...told,
      outcome: { outcome: 'finished', leftovers: [], notes: [] },
    });
    assert.doesNotMatch(ended, /warnings|Expected/);
  });

  it('keep names in quotes, statements of several lines, and signs as they were written', () => {
    const text = renderDetails({
      ...STATE,
      status: 'blocked',
      blocked: {
        stage: 'validate',
        code: 'VALIDATION_FAILED',
        message: 'Table public."No Key" and audit.* have no <key>.',
        remedy: 'ALTER TABLE a; -- one\nALTER TABLE b;',
        since: '',
      },
    });
    assert.ok(text.includes('Table `public."No Key"` and audit.\\* have no \\<key\\>.'), text);
    assert.ok(text.includes('**Remedy:** \n```\nALTER TABLE a; -- one\nALTER TABLE b;\n```'), text);
  });

  it('tell a migration without a planned stop how far the target is behind, and what would end it', () => {
    const { stop: _, ...state } = STATE;
    const text = renderDetails({
      ...state,
      stage: 'monitor',
      stop: { kind: 'never', then: 'finish' },
      monitor: {
        kind: 'monitor',
        at: '2026-11-30T12:00:00.123Z',
        lagBytes: '4096',
        lagMs: 12,
        sourceRate: 0,
        applyRate: 0,
        drainSeconds: 0,
        lanes: [],
      },
    });
    assert.match(
      text,
      /until the signal `stop` \(More Actions\), such as `\{"now": true, "then": "finish"\}`/,
    );
    assert.match(text, /lag 4096 bytes \(12 ms\) at 2026-11-30T12:00:00Z; live under Pending Activities/);
  });

  it('tell the outcome: what is left, when it stopped, and what else is to be known', () => {
    const text = renderDetails({
      ...STATE,
      status: 'completed',
      outcome: {
        outcome: 'finished',
        leftovers: [],
        notes: ['A note.'],
        sequencesSet: 3,
        report: {
          marker: 'run:1',
          committedAt: '2026-12-01T02:00:00.004Z',
          plannedAt: '2026-12-01T02:00:00Z',
          overshootMs: 4,
          lanes: [],
          stoppedAfterMs: 20,
        },
      },
    });
    assert.match(text, /^\*\*completed\*\*: nothing of pgtrek is left on either server\n/);
    assert.match(
      text,
      /commit of 2026-12-01T02:00:00\.004Z, 4 ms after the planned time\. Sequences set: 3\./,
    );
    assert.match(text, /A note\./);
  });
});
