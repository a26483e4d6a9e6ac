import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selectRelations } from '../../postgres/selection.js';
import type { Spec } from '../../contract/spec.js';
import type { Relation } from '../../postgres/selection.js';

const nothing: Spec['select'] = { include: [], exclude: [], excludeData: [], columns: {}, rows: {} };

function relation(oid: number, path: string, facts: Partial<Relation> = {}): Relation {
  const [schema = '', name = ''] = path.split('/');
  return {
    oid,
    schema,
    name,
    qualified: `"${schema}"."${name}"`,
    kind: 'r',
    persistence: 'p',
    owner: 'app',
    partitionOf: null,
    ownedBy: null,
    replicaIdentity: 'd',
    bytes: '8192',
    pages: '1',
    estimatedRows: 0,
    ...facts,
  };
}

const RELATIONS = [
  relation(1, 'audit/log'),
  relation(2, 'audit/log_id_seq', { kind: 'S', ownedBy: 1 }),
  relation(3, 'public/orders'),
  relation(4, 'public/orders_id_seq', { kind: 'S', ownedBy: 3 }),
  relation(5, 'public/events', { kind: 'p' }),
  relation(6, 'public/events_2026', { kind: 'p', partitionOf: 5 }),
  relation(7, 'public/events_2026_01', { partitionOf: 6 }),
  relation(8, 'public/Order Lines'),
  relation(9, 'public/v1.0'),
  relation(10, 'public/temp_a'),
  relation(11, 'public/temp_10'),
  relation(12, 'public/free_seq', { kind: 'S' }),
];

function selectedNames(select: Partial<Spec['select']>): string[] {
  return selectRelations(RELATIONS, { ...nothing, ...select }).selected.map(({ name }) => name);
}

describe('selectRelations', () => {
  it('takes everything when no pattern is given', () => {
    const selection = selectRelations(RELATIONS, nothing);
    assert.equal(selection.selected.length, RELATIONS.length);
    assert.deepEqual(selection.excluded, []);
    assert.deepEqual(selection.unmatched, []);
  });

  it('leaves out a whole schema', () => {
    const { excluded } = selectRelations(RELATIONS, { ...nothing, exclude: ['audit.*'] });
    assert.deepEqual(
      excluded.map(({ name }) => name),
      ['log', 'log_id_seq'],
    );
  });

  it('matches a pattern without a dot in any schema', () => {
    assert.deepEqual(selectedNames({ include: ['log', 'orders'] }), [
      'log',
      'log_id_seq',
      'orders',
      'orders_id_seq',
    ]);
  });

  it('reads ? as exactly one character, and classes as psql does', () => {
    assert.deepEqual(selectedNames({ include: ['temp_?'] }), ['temp_a']);
    assert.deepEqual(selectedNames({ include: ['public.temp_[0-9]*'] }), ['temp_10']);
    assert.deepEqual(selectedNames({ include: ['public.(free_seq|temp_a)'] }), ['temp_a', 'free_seq']);
  });

  it('folds unquoted text to lower case and keeps quoted text as it is', () => {
    assert.deepEqual(selectedNames({ include: ['PUBLIC.Temp_A'] }), ['temp_a']);
    assert.deepEqual(selectedNames({ include: ['"Order Lines"'] }), ['Order Lines']);
    assert.deepEqual(selectedNames({ include: ['public."Order "*'] }), ['Order Lines']);
    assert.deepEqual(selectedNames({ include: ['order*'] }), ['orders', 'orders_id_seq']);
  });

  it('takes a quoted dot literally', () => {
    assert.deepEqual(selectedNames({ include: ['"v1.0"'] }), ['v1.0']);
    assert.deepEqual(selectedNames({ include: ['public."v1.0"'] }), ['v1.0']);
  });

  it('lets a partition follow its parents', () => {
    assert.deepEqual(selectedNames({ include: ['events'] }), ['events', 'events_2026', 'events_2026_01']);
    const without = selectedNames({ exclude: ['events'] });
    assert.ok(!without.some((name) => name.startsWith('events')));
    assert.deepEqual(selectedNames({ include: ['events'], exclude: ['events_2026_01'] }), [
      'events',
      'events_2026',
    ]);
  });

  it('lets an owned sequence follow its table, and leaves a free one alone', () => {
    assert.deepEqual(selectedNames({ include: ['orders'] }), ['orders', 'orders_id_seq']);
    assert.ok(!selectedNames({ exclude: ['public.orders'] }).includes('orders_id_seq'));
    assert.ok(selectedNames({ exclude: ['*_seq'] }).includes('orders_id_seq'));
    assert.ok(!selectedNames({ exclude: ['*_seq'] }).includes('free_seq'));
  });

  it('keeps the definition and not the rows of what excludeData names, partitions included', () => {
    const { withoutData, selected } = selectRelations(RELATIONS, {
      ...nothing,
      excludeData: ['events', 'log'],
    });
    assert.deepEqual([...withoutData], [1, 5, 6, 7]);
    assert.equal(selected.length, RELATIONS.length);
  });

  it('tells patterns that match nothing, unreadable ones too', () => {
    const { unmatched } = selectRelations(RELATIONS, {
      include: ['*'],
      exclude: ['nowhere.*', '(', 'a.b.c'],
      excludeData: ['order'],
    });
    assert.deepEqual(unmatched, ['nowhere.*', '(', 'a.b.c', 'order']);
  });
});
