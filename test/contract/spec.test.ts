import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PgtrekError } from '../../contract/errors.js';
import { parseSpec, specJsonSchema } from '../../contract/spec.js';

const SMALLEST = {
  name: 'orders',
  source: { host: 'a', database: 'orders', user: 'mover' },
  target: { host: 'b', database: 'orders', user: 'mover' },
};

describe('a spec', () => {
  it('needs a name and two connections only; the rest has defaults', () => {
    const spec = parseSpec(SMALLEST);
    assert.equal(spec.mode, 'full-load-and-cdc');
    assert.equal(spec.source.port, 5432);
    assert.equal(spec.target.tls.mode, 'verify-full');
    assert.deepEqual(spec.load.method, 'stream');
    assert.deepEqual(spec.cdc.stop, { then: 'finish' });
  });

  it('is not changed by being completed twice', () => {
    const once = parseSpec(SMALLEST);
    assert.deepEqual(parseSpec(JSON.parse(JSON.stringify(once))), once);
  });

  it('tells all its faults at once, each with its path', () => {
    assert.throws(
      () =>
        parseSpec({
          ...SMALLEST,
          name: 'Orders!',
          load: { jobs: 0 },
          cdc: { stop: { at: 'noon' } },
          sorce: {},
        }),
      (error) => {
        assert.ok(error instanceof PgtrekError);
        assert.equal(error.code, 'SPEC_INVALID');
        for (const part of ['name:', 'load.jobs:', 'cdc.stop.at:', 'sorce'])
          assert.ok(error.message.includes(part), part);
        return true;
      },
    );
  });

  it('never holds a password itself', () => {
    assert.throws(
      () => parseSpec({ ...SMALLEST, target: { ...SMALLEST.target, password: 'secret' } }),
      /target.password/,
    );
  });

  it('is refused by name where it asks for what is not built yet', () => {
    for (const [rest, what] of [
      [{ load: { method: 'dump' } }, /load.method: dump with full-load-and-cdc/],
      [{ target: { ...SMALLEST.target, password: { rdsIam: true } } }, /rdsIam/],
      [{ target: { ...SMALLEST.target, replication: { password: { rdsIam: true } } } }, /rdsIam/],
    ] as const) {
      assert.throws(() => parseSpec({ ...SMALLEST, ...rest }), what);
    }
  });

  it('is not valid where its fields contradict each other', () => {
    const slot = { slot: 'old', publication: 'all_tables' };
    for (const [rest, what] of [
      [
        { mode: 'full-load', load: { method: 'native' } },
        /load.method: native .* needs mode full-load-and-cdc/,
      ],
      [{ cdc: { start: slot } }, /cdc.start: an existing slot is for mode cdc/],
      [
        { cdc: { start: { slot: 'old' } }, mode: 'cdc' },
        /cdc.start: must be now, or \{ slot, publication \}/,
      ],
      [{ cdc: { stop: { at: '2026-12-01T02:00:00Z', lsn: '0/1' } } }, /cdc.stop: give at most one of/],
    ] as const) {
      assert.throws(() => parseSpec({ ...SMALLEST, ...rest }), what);
    }
  });

  it('may ask for replication alone, for the server’s own copy, for a stop at a position', () => {
    const start = { slot: 'old', publication: 'all_tables', lsn: '16/B374D848' };
    assert.deepEqual(parseSpec({ ...SMALLEST, mode: 'cdc', cdc: { start } }).cdc.start, start);
    assert.equal(parseSpec({ ...SMALLEST, mode: 'cdc' }).cdc.start, 'now');
    assert.equal(parseSpec({ ...SMALLEST, load: { method: 'native' } }).load.method, 'native');
    assert.equal(parseSpec({ ...SMALLEST, cdc: { stop: { lsn: '0/1' } } }).cdc.stop.lsn, '0/1');
  });

  it('has a JSON Schema for editors', () => {
    assert.match(JSON.stringify(specJsonSchema()), /"full-load-and-cdc"/);
  });
});
