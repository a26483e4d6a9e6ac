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
    bytesPlanned: '100',
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
});
