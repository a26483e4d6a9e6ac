import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildProgram } from '../../cli/program.js';
import { findFreePort } from '../../dev/free-port.js';
import { runCli } from './run-cli.js';

const SPEC =
  'name: orders\nsource: { host: a, database: d, user: u }\ntarget: { host: b, database: d, user: u }\n';

describe('the command', () => {
  for (const name of buildProgram().commands.map((command) => command.name())) {
    it(`tells how ${name} is used, and the exit codes`, async () => {
      const { code, stdout, stderr } = await runCli([name, '--help']);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`Usage: pgtrek ${name}`));
      for (const told of ['--address', '--json', 'Exit codes:', '64  wrong usage']) {
        assert.ok(stdout.includes(told), told);
      }
    });
  }

  const WRONG: [string[], RegExp][] = [
    [[], /Usage: pgtrek/],
    [['nosuch'], /unknown command 'nosuch'/],
    [['status', 'orders', '--wath'], /unknown option '--wath'/],
    [['start'], /required option '-f, --file <spec>'/],
    [['start', '-f', '/nowhere/spec.yaml'], /cannot read the spec: .*\/nowhere\/spec\.yaml/],
    [['tables', 'orders', '--limit', 'x'], /It must be a whole number/],
    [['stop', 'orders'], /--at <time>, --lsn <position>, --now or --never/],
    [['stop', 'orders', '--now', '--never'], /cannot be used with/],
    [['stop', 'orders', '--at', '2026-12-01T02:00:00Z', '--lsn', '0/1'], /cannot be used with/],
    [['stop', 'orders', '--never', '--lsn', '0/1'], /cannot be used with/],
    [['pause'], /missing required argument 'name'/],
    [['cutover', 'orders', '--deadline', 'soon'], /a span such as 500ms, 5s or 2min/],
    [['set-load', 'orders'], /--jobs <n>, --index-jobs <n>, or both/],
    [['set-load', 'orders', '--jobs', 'many'], /It must be a whole number/],
    [['restart', 'orders', '--drop'], /unknown option '--drop'/],
    [['stop', 'orders', '--now', '--then', 'rest'], /Allowed choices are finish, wait/],
    [['verify'], /the name of a migration, or --file <spec>/],
    [['verify', 'orders', '--point'], /--point goes with --file/],
    [['verify', 'orders', '--repair'], /give --yes/],
    [['demo', '--factor', '0'], /It must be a number above 0/],
  ];
  for (const [args, told] of WRONG) {
    it(`exits with 64 on: pgtrek ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runCli(args);
      assert.equal(code, 64);
      assert.match(stderr, told);
      assert.equal(stdout, '');
    });
  }

  it('names line and column of what is no YAML', async () => {
    const { code, stderr } = await runCli(['start', '-f', '-'], {
      stdin: 'name: orders\nsource: { host: a\ntarget: b\n',
    });
    assert.equal(code, 1);
    assert.match(stderr, /^pgtrek: SPEC_INVALID: .*\n {2}stdin:3:1: /);
    assert.match(stderr, /\n {2}remedy: /);
  });

  it('names every fault of a spec, before it looks for a server', async () => {
    const stdin = SPEC.replace('orders', 'Orders').replace('user: u', 'usr: u');
    const { code, stderr } = await runCli(['start', '-f', '-', '--address', '127.0.0.1:1'], { stdin });
    assert.equal(code, 1);
    for (const fault of ['SPEC_INVALID', 'name: must match', 'source.user', '"usr"'])
      assert.ok(stderr.includes(fault), stderr);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

  it('says where no Temporal server answers', async () => {
    const address = `127.0.0.1:${await findFreePort()}`;
    const { code, stdout, stderr } = await runCli(['start', '-f', '-'], {
      stdin: JSON.stringify({
        name: 'orders',
        source: { host: 'a', database: 'd', user: 'u' },
        target: { host: 'b', database: 'd', user: 'u' },
      }),
      env: { TEMPORAL_ADDRESS: address },
    });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.ok(
      stderr.startsWith(`pgtrek: TEMPORAL_UNREACHABLE: No Temporal server answers at ${address}.`),
      stderr,
    );
    assert.match(stderr, /\n {2}remedy: .*temporal server start-dev\n$/);
  });

  it('tells an error as JSON too, and the stack only when asked to', async () => {
    const env = { PGTREK_DEBUG: '1' };
    const { code, stdout, stderr } = await runCli(['validate', '-f', '-', '--json'], {
      stdin: 'name: [',
      env,
    });
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'SPEC_INVALID');
    assert.match(stderr, /\n {4}at /);
  });
});
