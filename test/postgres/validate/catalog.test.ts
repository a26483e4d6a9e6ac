import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readFindingIds } from '../../harness/finding-ids.js';
import { readQuirks } from '../../harness/quirks.js';

const ROOT = new URL('../../../', import.meta.url);

/** Findings that neither SQL nor a spec can make: the test that looks at them, and why there. */
const TESTED_ELSEWHERE: Record<string, { test: string; why: string }> = {
  'check.failed': { test: 'postgres/validate/index', why: 'a check has to fail' },
  'source.connection': { test: 'postgres/validate/connection', why: 'a server that refuses us' },
  'target.connection': { test: 'postgres/validate/connection', why: 'a server that refuses us' },
  'source.version': {
    test: 'postgres/validate/servers',
    why: 'only ok is seen there: no server of 10, 12 or 19 is at hand',
  },
  'target.version': {
    test: 'postgres/validate/servers',
    why: 'only ok is seen there: no server of 10, 12 or 19 is at hand',
  },
  'source.primary': { test: 'postgres/validate/standby', why: 'a standby' },
  'target.primary': { test: 'postgres/validate/standby', why: 'a standby' },
  'source.pooler': { test: 'postgres/validate/pooler', why: 'a pooler' },
  'target.pooler': { test: 'postgres/validate/pooler', why: 'a pooler' },
  'source.one_server': { test: 'postgres/validate/pooler', why: 'a balancer of two servers' },
  'target.one_server': { test: 'postgres/validate/pooler', why: 'a balancer of two servers' },
  'target.other_server': { test: 'postgres/validate/servers', why: 'one server at both ends' },
  'worker.client_tools': { test: 'postgres/validate/servers', why: 'tools of another version' },
  'target.reaches_source': {
    test: 'postgres/validate/reachability',
    why: 'an address that the target cannot reach',
  },
  'source.output_plugins': {
    test: 'postgres/validate/write-ahead-log',
    why: 'only its absence is seen there: no server at hand has the setting',
  },
  'source.wal_forecast': { test: 'postgres/validate/wal-forecast', why: 'a source that is written to' },
  'source.tablespaces': { test: 'postgres/validate/tablespaces', why: 'a directory of the server' },
  'target.rehearsal': { test: 'postgres/validate/rehearse', why: 'a stage of its own' },
  'notify.secret': { test: 'activities/notify', why: 'the environment of a worker' },
  'notify.command': { test: 'activities/notify', why: 'the environment of a worker' },
  'cutover.secret': { test: 'activities/cutover-hooks', why: 'the environment of a worker' },
  'cutover.command': { test: 'activities/cutover-hooks', why: 'the environment of a worker' },
  'cutover.pgbouncer': { test: 'activities/cutover-pgbouncer', why: 'a PgBouncer' },
};

interface Documented {
  id: string;
  verdicts: string[];
}

const page = readFileSync(new URL('docs/validate.md', ROOT), 'utf8');

/** Rows such as: | `source.slots`, `source.wal_senders` | ok, block | changes | … | */
function readPage(): Documented[] {
  const list = page.slice(page.indexOf('## Every finding'));
  return [...list.matchAll(/^\| (`[^|]+`) +\| ([^|]+?) *\| ([^|]+?) *\| (.+?) *\|$/gm)].flatMap(
    ([, ids = '', verdicts = '']) =>
      [...ids.matchAll(/`([^`]+)`/g)].map(([, id = '']) => ({ id, verdicts: verdicts.split(', ') })),
  );
}

const documented = readPage();
const code = readFindingIds();

/** Everything at once, so that somebody who brings several checks along sees all that is to be done. */
function assertNothing(faults: string[], what: string): void {
  if (faults.length > 0) assert.fail(`${what}:\n${faults.join('\n')}`);
}

it('docs/validate.md has a row for each id of the code', () => {
  assertNothing(
    code
      .filter(({ pattern }) => !documented.some(({ id }) => pattern.test(id)))
      .map(({ text, file }) => `| \`${text}\` | … | … | … |   <- ${file}`),
    'rows that docs/validate.md lacks (or a text that is no id: NO_IDS in test/harness/finding-ids.ts)',
  );
});

it('docs/validate.md has no row of an id that the code does not know, and none twice', () => {
  const ids = documented.map(({ id }) => id);
  assertNothing(
    [
      ...ids.filter((id) => !code.some(({ pattern }) => pattern.test(id))),
      ...ids.filter((id, n) => ids.indexOf(id) !== n),
    ],
    'ids in docs/validate.md',
  );
});

it('docs/validate.md tells every verdict that stands beside an id in the code', () => {
  assertNothing(
    code.flatMap(({ text, file, pattern, verdict }) => {
      const rows = documented.filter(({ id }) => pattern.test(id));
      const isTold = verdict === undefined || rows.some(({ verdicts }) => verdicts.includes(verdict));
      return isTold ? [] : [`${text} can be ${verdict} (${file})`];
    }),
    'verdicts that docs/validate.md lacks',
  );
  const wrong = documented.flatMap(({ id, verdicts }) =>
    verdicts
      .filter((verdict) => !['ok', 'warn', 'block'].includes(verdict))
      .map((verdict) => `${id}: ${verdict}`),
  );
  assertNothing(wrong, 'what is no verdict');
});

it('every finding that warns or blocks has a fixture in test/fixtures/sql, or is made in a test that is named here', () => {
  const made = new Set(readQuirks().flatMap(({ findings }) => findings.map(({ id }) => id)));
  assertNothing(
    documented
      .filter(({ verdicts }) => verdicts.some((verdict) => verdict !== 'ok'))
      .filter(({ id }) => !made.has(id) && !TESTED_ELSEWHERE[id])
      .map(({ id, verdicts }) => `${id} (${verdicts.join(', ')})`),
    'ids without a fixture `-- finding: warn|block <id> <scope>`',
  );
});

it('the tests that are named here are there, and know the id', () => {
  const faults = Object.entries(TESTED_ELSEWHERE).flatMap(([id, { test }]) => {
    const file = new URL(`test/${test}.test.ts`, ROOT);
    if (!existsSync(file)) return [`${fileURLToPath(file)} is not there`];
    const text = readFileSync(file, 'utf8');
    // A test of both ends names its ids by `${end}.connection`.
    const last = id.slice(id.lastIndexOf('.') + 1);
    const isKnown = [id, `.${last}`, last.replaceAll('_', ' ')].some((name) => text.includes(name));
    return isKnown ? [] : [`${test} says nothing of ${id}`];
  });
  const strangers = Object.keys(TESTED_ELSEWHERE).filter((id) => !documented.some((row) => row.id === id));
  assertNothing([...faults, ...strangers], 'TESTED_ELSEWHERE');
});
