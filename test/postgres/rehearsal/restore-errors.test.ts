import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRestoreErrors } from '../../../postgres/rehearsal/restore-errors.js';
import { remedyFor } from '../../../postgres/rehearsal/remedies.js';

const STDERR = `pg_restore: while INITIALIZING:
pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 218; 1259 16403 TABLE t postgres
pg_restore: error: could not execute query: ERROR:  function lower_it(text) does not exist
LINE 1: lower_it(x)
        ^
HINT:  No function matches the given name and argument types.
QUERY:  SELECT lower_it(x)
CONTEXT:  SQL function "norm" during inlining
Command was: CREATE TABLE public.t (
    x text CHECK (public.norm(x) <> '')
);


pg_restore: from TOC entry 219; 1259 16406 TABLE u postgres
pg_restore: error: could not execute query: ERROR:  role "app" does not exist
Command was: ALTER TABLE public.u OWNER TO app;


pg_restore: warning: errors ignored on restore: 3
`;

describe('what pg_restore tells', () => {
  it('is one error an entry, with what the server said of it', () => {
    assert.deepEqual(
      parseRestoreErrors(STDERR).map(({ entry, message }) => [entry, message]),
      [
        [undefined, 'unrecognized configuration parameter "transaction_timeout"'],
        [
          '218; 1259 16403',
          'function lower_it(text) does not exist No function matches the given name and argument types.',
        ],
        ['219; 1259 16406', 'role "app" does not exist'],
      ],
    );
  });

  it('leads to what mends it', () => {
    const remedies = parseRestoreErrors(STDERR).map(({ whole }) =>
      remedyFor({ whole, user: 'mover', major: 18 }),
    );
    assert.match(remedies[0] ?? '', /PostgreSQL 18/);
    assert.match(remedies[1] ?? '', /^ALTER FUNCTION norm\(…\) SET search_path = public; on the source/);
    assert.match(remedies[2] ?? '', /^CREATE ROLE "app"; on the target/);
  });
});
