/** Changes that an adoption meets together, and what they make it load; on the schema of fingerprint/schema.ts. */
import { CASES } from '../fingerprint/cases.js';

export interface Group {
  title: string;
  /** Of the cases of the fingerprint, in an order in which they can be made. */
  cases: string[];
  /** Tables that are loaded. */
  tables: string[];
  /** Something waits until the lanes stand. */
  waits: boolean;
}

export const GROUPS: Group[] = [
  {
    title: 'new objects, and looser ones',
    cases: [
      'a new table once, with all that stands on it',
      'options of a table',
      'row level security',
      'a new column',
      'another default',
      'a column that may be null',
      'how a column is stored',
      'a new partition',
      'a new index',
      'a new index of a partitioned table once',
      'a renamed index',
      'a new view',
      'a changed function',
      'a new type once',
      'a new value of an enum',
      'a changed sequence',
      'a new sequence',
      'a new trigger, and one that is disabled',
      'a changed policy',
      'a new schema',
      'a new extension once',
      'rare objects',
      'another owner',
      'privileges',
      'a new function of the same name',
      'default privileges',
      'a dropped key',
      'a column of an inheritance tree',
    ],
    tables: ['app.t2'],
    waits: false,
  },
  {
    title: 'other names',
    cases: [
      'another view',
      'a sequence that a table got',
      'a key that can wait',
      'another key of the same name',
      'settings of a function',
      'a renamed key',
      'a renamed table, and nothing that refers to it',
      'a table that moved to another schema',
      'a renamed column, and nothing that uses it',
      'a renamed value of an enum',
      'a renamed type',
      'a renamed procedure and a dropped aggregate',
    ],
    tables: [],
    waits: true,
  },
  {
    title: 'what is gone',
    cases: [
      'a dropped table once',
      'a dropped column',
      'an identity that is gone',
      'a column that is generated no more',
      'a dropped partition',
      'a dropped index',
      'a dropped materialised view once',
      'a dropped trigger of a partitioned table once',
      'a dropped policy and a dropped rule',
      'a newer extension, and a dropped one',
    ],
    tables: [],
    waits: true,
  },
  {
    title: 'what is loaded again',
    cases: [
      'a column of another type, without its indexes and keys',
      'a shorter column',
      'a detached partition',
      'an attached partition',
      'a column of a partitioned table once',
      'a table that took the name of another',
      'a new partitioned table once',
    ],
    tables: [
      'app."Order"',
      'app.customer',
      'app.event',
      'app.event_2025',
      'app.old',
      'app.child',
      'app.tree',
    ],
    waits: true,
  },
  {
    title: 'stricter ones',
    cases: [
      'a new key with its index once',
      'options of a key’s index',
      'an index that was made anew otherwise',
      'a constraint of a whole inheritance tree once',
      'another composite type',
      'another domain',
      'a view’s renamed column',
      'a column that was dropped and added again',
      'an end of inheritance',
      'other bounds of a partition',
    ],
    tables: ['app.event'],
    waits: true,
  },
  {
    title: 'a schema of another name',
    cases: [
      'a table that was made anew',
      'a dropped partitioned table once',
      'a renamed schema, and nothing in it',
    ],
    tables: ['application.child'],
    waits: true,
  },
];

/** The source refuses it while the table is published. */
export const REFUSED = ['an unlogged table'];

export function sqlOf({ cases }: Group): string[] {
  return cases.map((title) => {
    const found = CASES.find((each) => each.title === title);
    if (!found) throw new Error(`no case ${title}`);
    return found.sql;
  });
}

/** More of columns and rows, each in a database of its own. */
export const ALONE: { title: string; sql: string[]; tables: string[]; waits: boolean }[] = [
  {
    title: 'columns that get values which were not sent',
    sql: [
      'ALTER TABLE app.parent ADD at timestamptz DEFAULT clock_timestamp()',
      'ALTER TABLE app."Order" ADD random float8 DEFAULT random()',
      'ALTER TABLE app.event ADD serial serial',
    ],
    tables: ['app."Order"', 'app.parent', 'app.child', 'app.event'],
    waits: true,
  },
  {
    title: 'columns whose rows are known',
    sql: [
      `ALTER TABLE app.customer ADD at timestamptz DEFAULT now(), ADD late text`,
      `ALTER TABLE app.customer ALTER late SET DEFAULT 'x'`,
      `ALTER TABLE app.customer ADD flag bool NOT NULL DEFAULT false, ADD n int DEFAULT 5; ALTER TABLE app.customer ALTER n DROP DEFAULT`,
    ],
    tables: [],
    waits: true,
  },
  {
    title: 'wider columns',
    sql: [
      'DROP VIEW app.spent CASCADE',
      'ALTER TABLE app.customer ALTER code TYPE varchar(20) COLLATE "C"',
      'ALTER TABLE app."Order" ALTER total TYPE numeric(12,2)',
      'ALTER TABLE app.parent ALTER a TYPE bigint, ADD twin bigint GENERATED ALWAYS AS (a + 1) STORED',
    ],
    tables: [],
    waits: false,
  },
  {
    title: 'an enum that was made anew',
    sql: [
      `ALTER TYPE app.mood RENAME TO old_mood; CREATE TYPE app.mood AS ENUM ('ok');
       ALTER TABLE app.customer ALTER mood TYPE app.mood USING 'ok'; DROP TYPE app.old_mood`,
    ],
    tables: ['app.customer'],
    waits: true,
  },
  {
    title: 'a partition that was emptied, and one that was attached with rows',
    sql: [
      'TRUNCATE app.event_2026',
      `CREATE TABLE public.side (a int) PARTITION BY LIST (a); CREATE TABLE public.full (a int); INSERT INTO public.full VALUES (1);
       ALTER TABLE public.side ATTACH PARTITION public.full DEFAULT`,
    ],
    tables: ['app.event', 'public.side'],
    waits: true,
  },
  {
    title: 'a column that may not be null',
    sql: ['ALTER TABLE app.customer ALTER note SET NOT NULL'],
    tables: [],
    waits: true,
  },
];
