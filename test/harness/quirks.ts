/**
 * Fixtures of validate: `test/fixtures/sql/<quirk>.sql` makes what a check finds, `<quirk>.twin.sql` what it must not find.
 * Plain SQL for the source; what follows a line `-- on target` is run there, what follows `-- session on source` in a
 * transaction that stays open, unless it ends it. Lines at the top say what is expected.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SpecInput } from '../../contract/spec.js';
import { OLDEST } from './majors.js';

const FOLDER = fileURLToPath(new URL('../fixtures/sql/', import.meta.url));

/** Of a line such as `-- finding: warn source.unlogged source`. */
export interface Expected {
  verdict: 'warn' | 'block';
  id: string;
  /** Empty: any. */
  scope: string;
}

/** Majors of source and target: the oldest and the newest that it concerns. */
const PAIRS = [`${String(OLDEST)}>${String(OLDEST)}`, '18>18'];

export interface Half {
  sql: { source: string; target: string; session: string };
  /** How CREATE DATABASE is told to make them: `TEMPLATE template0 ENCODING LATIN1`. */
  databases: { source?: string; target?: string };
  /** The target is database postgres of the source's server. */
  isOneServer: boolean;
  spec: Partial<SpecInput>;
  /** Server settings that need clusters of their own; `none` where a twin has none. */
  settings: { source: Record<string, string>; target: Record<string, string> };
  /** Who connects, where it is not the superuser: made by the fixture, with its own name as password. */
  users: { source?: string; target?: string };
}

export interface Quirk {
  name: string;
  pairs: { quirk: string; twin: string }[];
  findings: Expected[];
  /**
   * How a block is mended, beside `fix`, which is run when the finding has it: changes of the spec, SQL that the remedy holds,
   * or SQL that fills in what the remedy leaves open. `:database` stands for the
   * database's name. `remedy: as it stands` runs all of them, of warnings too.
   */
  mended: { spec?: Partial<SpecInput>; source?: string; target?: string; remedy: boolean };
  quirk: Half;
  twin: Half;
}

export function readQuirks(): Quirk[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql') && !file.endsWith('.twin.sql') && !file.startsWith('ledger-'))
    .map((file) => readQuirk(file.slice(0, -'.sql'.length)));
}

function readQuirk(name: string): Quirk {
  const text = readFileSync(path.join(FOLDER, `${name}.sql`), 'utf8');
  const twin = readFileSync(path.join(FOLDER, `${name}.twin.sql`), 'utf8');
  const all = headersOf(text);
  const header = (key: string) => all.filter((line) => line.key === key).map(({ value }) => value);
  const [spec] = header('mended by spec');
  const [source] = header('mended by source');
  const [target] = header('mended by target');
  const pairs = pairsOf(text) ?? PAIRS;
  return {
    name,
    pairs: pairs.map((majors, i) => ({ quirk: majors, twin: pairsOf(twin)?.[i] ?? majors })),
    findings: header('finding').map(readExpected),
    mended: {
      ...(spec === undefined ? {} : { spec: JSON.parse(spec) as Partial<SpecInput> }),
      ...(source === undefined ? {} : { source }),
      ...(target === undefined ? {} : { target }),
      remedy: header('mended by remedy').length > 0,
    },
    quirk: halfOf(text),
    // What it does not say itself is as in the quirk.
    twin: halfOf(`${text.split('\n').filter(isShared).join('\n')}\n${twin}`),
  };
}

function pairsOf(text: string): string[] | undefined {
  return headersOf(text)
    .find(({ key }) => key === 'servers')
    ?.value.split(/,\s*/);
}

function readExpected(line: string): Expected {
  const [, verdict, id = '', scope = ''] = /^(warn|block) ([a-z]+(?:\.[a-z_]+)*)(?: (.+))?$/.exec(line) ?? [];
  assert.ok(verdict === 'warn' || verdict === 'block', `finding: ${line}`);
  return { verdict, id, scope };
}

function isShared(line: string): boolean {
  return /^-- (spec|source user|target user|source settings|target settings): /.test(line);
}

interface Header {
  key: string;
  value: string;
}

function headersOf(text: string): Header[] {
  return text.split('\n').flatMap((line) => {
    const [, key, value] = /^-- ([a-z ]+): (.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [{ key, value }];
  });
}

/** The last line of a kind counts. */
function halfOf(text: string): Half {
  const headers = new Map(headersOf(text).map(({ key, value }) => [key, value]));
  const settings = (end: string) =>
    Object.fromEntries(
      (headers.get(`${end} settings`) ?? '')
        .split(/\s+/)
        // `default`: those of every other server.
        .filter((pair) => pair.includes('='))
        .map((pair) => pair.split('=') as [string, string]),
    );
  const ends = (what: string) =>
    Object.fromEntries(
      ['source', 'target'].flatMap((end) => {
        const value = headers.get(`${end} ${what}`);
        return value === undefined ? [] : [[end, value]];
      }),
    );
  return {
    sql: sectionsOf(text),
    databases: ends('database'),
    isOneServer: headers.get('target server') === 'source',
    spec: JSON.parse(headers.get('spec') ?? '{}') as Partial<SpecInput>,
    settings: { source: settings('source'), target: settings('target') },
    users: ends('user'),
  };
}

const SECTIONS = { 'on target': 'target', 'session on source': 'session' } as const;

function sectionsOf(text: string): Half['sql'] {
  const [source = '', ...rest] = text.split(/^-- (on target|session on source)$/m);
  const sections = { source, target: '', session: '' };
  for (let i = 0; i < rest.length; i += 2)
    sections[SECTIONS[rest[i] as keyof typeof SECTIONS]] = rest[i + 1] ?? '';
  return sections;
}
