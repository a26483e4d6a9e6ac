import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { nearestNames } from '../../../postgres/validate/nearest-names.js';
import { readRelations } from '../../../postgres/selection.js';
import { withSession } from '../../../postgres/session.js';
import { assertFinding, findingsOf, startPair } from '../pair.js';
import type { Databases, Pair } from '../pair.js';

describe('the selection', () => {
  let pair: Pair;
  let databases: Databases;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
    databases = await pair.newDatabases();
    await databases.run(
      'source',
      `CREATE TABLE customers (id serial PRIMARY KEY);
       CREATE TABLE orders (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, customer int REFERENCES customers);
       CREATE VIEW busy AS SELECT c.id FROM customers c JOIN orders o ON o.customer = c.id;
       CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders;
       CREATE SEQUENCE numbers;
       CREATE TABLE numbered (id int PRIMARY KEY DEFAULT nextval('numbers'));
       CREATE TABLE parent (id int PRIMARY KEY);
       CREATE TABLE child () INHERITS (parent);
       ALTER TABLE child ADD PRIMARY KEY (id);
       CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
       CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
       CREATE UNLOGGED TABLE cache (id int PRIMARY KEY);
       CREATE SCHEMA pgtrek; CREATE TABLE pgtrek.ours (id int);
       CREATE EXTENSION pg_prewarm;`,
    );
  });
  after(() => pair.remove());

  const blocked = (findings: Awaited<ReturnType<Databases['validate']>>) =>
    findingsOf(findings, 'select.dependencies').map(({ why }) => why);

  it('reads user relations with owner, parent and sequence, and none of ours', async () => {
    const relations = await withSession(databases.servers.source, { purpose: 'test' }, readRelations);
    const byName = new Map(relations.map((relation) => [relation.name, relation]));
    assert.ok(relations.every(({ schema, owner }) => schema === 'public' && owner === 'postgres'));
    assert.equal(byName.get('parts_1')?.partitionOf, byName.get('parts')?.oid);
    assert.equal(byName.get('child')?.partitionOf, null);
    assert.equal(byName.get('customers_id_seq')?.ownedBy, byName.get('customers')?.oid);
    assert.equal(byName.get('orders_id_seq')?.ownedBy, byName.get('orders')?.oid);
    assert.equal(byName.get('numbers')?.ownedBy, null);
    assert.equal(byName.get('cache')?.persistence, 'u');
    assert.deepEqual(
      ['busy', 'totals', 'parts', 'numbers'].map((name) => byName.get(name)?.kind),
      ['v', 'm', 'p', 'S'],
    );
    assert.equal(byName.get('busy')?.bytes, '0');
    assert.equal(byName.get('parts')?.bytes, '0');
    assert.equal(typeof byName.get('totals')?.bytes, 'string');
  });

  it('is told by number and size', async () => {
    const findings = await databases.validate();
    assertFinding(findings, {
      id: 'select.relations',
      verdict: 'ok',
      why: /Selected: 13 relations, among them 8 tables/,
    });
    assert.deepEqual(findingsOf(findings, 'select.patterns'), []);
    assert.deepEqual(blocked(findings), []);
  });

  it('blocks a pattern that matches nothing and names what is near', async () => {
    const findings = await databases.validate({
      spec: { select: { exclude: ['public.custmers', 'zzz.*'] } },
    });
    assertFinding(findings, {
      id: 'select.patterns',
      verdict: 'block',
      scope: 'select.pattern public.custmers',
      why: /Near it: public\.customers\./,
    });
    assertFinding(findings, {
      id: 'select.patterns',
      verdict: 'block',
      scope: 'select.pattern zzz.*',
      why: /matches no relation of the source\.$/,
    });
  });

  it('blocks when nothing is selected', async () => {
    const findings = await databases.validate({ spec: { select: { exclude: ['*.*'] } } });
    assertFinding(findings, { id: 'select.relations', verdict: 'block', why: /Nothing to move/ });
  });

  it('blocks what depends on a relation that is left out, and warns of foreign keys', async () => {
    const findings = await databases.validate({
      spec: { select: { exclude: ['customers', 'numbers', 'parent'] } },
    });
    assert.deepEqual(blocked(findings).sort(), [
      'Table public.child is selected and depends on public.parent, which is left out.',
      'Table public.numbered is selected and depends on public.numbers, which is left out.',
      'View public.busy is selected and depends on public.customers, which is left out.',
    ]);
    assertFinding(findings, {
      id: 'select.foreign_keys',
      verdict: 'warn',
      why: /orders_customer_fkey of public\.orders refers to public\.customers/,
    });
    const alone = await databases.validate({ spec: { select: { include: ['parts_1'] } } });
    assert.deepEqual(blocked(alone), []);
  });
});

describe('nearestNames', () => {
  const names = ['public.orders', 'public.order_lines', 'audit.log', 'sales.orders'];

  it('finds a misspelt name in any schema, nearest first', () => {
    assert.deepEqual(nearestNames('ordres', names), ['public.orders', 'sales.orders']);
    assert.deepEqual(nearestNames('sales.order', names), ['sales.orders']);
  });

  it('compares the part before a wildcard', () => {
    assert.deepEqual(nearestNames('audti.*', names), ['audit.log']);
    assert.deepEqual(nearestNames('ordr*', names), ['public.orders', 'public.order_lines', 'sales.orders']);
  });

  it('names nothing that is far', () => {
    assert.deepEqual(nearestNames('customers', names), []);
  });
});
