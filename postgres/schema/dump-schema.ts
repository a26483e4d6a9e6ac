/** Dumps the schema of the source once into the ledger: archive, table of contents, and what we build ourselves. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PGTREK_SCHEMA } from '../../contract/names.js';
import type { DumpResult } from '../../contract/activities.js';
import type { Spec } from '../../contract/spec.js';
import { findClientTools } from '../client-tools.js';
import type { ClientTools } from '../client-tools.js';
import { forgetNewerDefinitions, takeFingerprint } from '../fingerprint/store-fingerprint.js';
import { createLedger } from '../ledger/create-ledger.js';
import { readSchema, writeSchema } from '../ledger/schema-plan.js';
import type { SchemaPlan } from '../ledger/schema-plan.js';
import { findPartialRelations } from '../partial-tables.js';
import { runTool } from '../run-tool.js';
import { readRelations, rootOf, selectRelations } from '../selection.js';
import type { Relation, Selection } from '../selection.js';
import type { Session } from '../session.js';
import type { Job } from '../job.js';
import { withEnds, withFolder } from '../job.js';
import { takeOver } from '../take-over.js';
import { readColumns, readForeignKeys, readIndexes, readPopulated } from './read-definitions.js';
import { BUILT_BY_US, identifyEntries, parseContents, reasonToLeaveOut } from './table-of-contents.js';
import type { ArchiveEntry } from './table-of-contents.js';

/** Catalog-first: what the ledger already holds is not dumped again. */
export async function dumpSchema(job: Job): Promise<DumpResult> {
  return withEnds(job, 'dump', async (source, target) => {
    await takeOver(target, job.owner, 'dump');
    await createLedger(target, job.owner, job.name);
    const known = await readSchema(target, job.owner);
    if (known) return known;
    const tools = await findClientTools(Math.floor(source.version / 10_000));
    const dumped = await source.read(() => dumpInSnapshot(job, source, tools));
    const plan = { ...dumped, fingerprint: await forgetNewerDefinitions(source, dumped.fingerprint) };
    await writeSchema(target, job.owner, plan);
    return summarize(plan);
  });
}

function summarize({ relations, indexes, foreignKeys, entries }: SchemaPlan): DumpResult {
  const left = entries.filter(({ leftOut }) => leftOut !== undefined && leftOut !== BUILT_BY_US);
  return {
    tables: relations.filter(({ hasData, kind }) => hasData && kind === 'r').length,
    indexes: indexes.length,
    constraints: foreignKeys.length,
    leftOut: left.map(({ kind, rest, leftOut }) => `${kind} ${rest}: ${leftOut ?? ''}`).slice(0, 100),
  };
}

/** Inside a transaction of the source: everything is as its snapshot sees it. */
export async function dumpInSnapshot(job: Job, source: Session, tools: ClientTools): Promise<SchemaPlan> {
  const { snapshot } = await source.one<{ snapshot: string }>(
    'SELECT /* pgtrek: export-dump-snapshot */ pg_export_snapshot() AS snapshot',
  );
  const { selected, excluded, withoutData } = selectRelations(await readRelations(source), job.spec.select);
  return withFolder(job, async (folder) => {
    const file = path.join(folder, 'schema.dump');
    await runTool(job, {
      tool: tools.pgDump,
      what: 'schema',
      args: [
        ...dumpArguments(job.spec, excluded),
        '--format=custom',
        '--schema-only',
        `--snapshot=${snapshot}`,
        `--file=${file}`,
      ],
      endpoint: job.servers.source,
      version: source.version,
      step: 'pg_dump',
      code: 'DUMP_FAILED',
    });
    const entries = [
      ...(await listEntries(job, tools, file, 'pre-data')),
      ...(await listEntries(job, tools, file, 'post-data')),
    ];
    const { keysLeftOut, keyComments, ...definitions } = await readDefinitions(
      source,
      { selected, withoutData },
      job.spec.select,
    );
    return {
      ...definitions,
      ...(await planEntries(source, entries, { ...definitions, keysLeftOut, keyComments })),
      archive: await readFile(file),
      fingerprint: await takeFingerprint(
        source,
        selected.map(({ oid }) => oid),
      ),
      clientMajor: tools.major,
    };
  });
}

/** Arguments of every dump of ours: what is not selected is named exactly, so that all the rest comes along. */
export function dumpArguments(spec: Spec, excluded: Relation[]): string[] {
  return [
    '--no-password',
    '--no-publications',
    '--no-subscriptions',
    `--exclude-schema=${PGTREK_SCHEMA}`,
    // Waiting behind an ALTER TABLE would make all other sessions wait behind this dump.
    '--lock-wait-timeout=30s',
    ...(spec.schema.owners === 'skip' ? ['--no-owner'] : []),
    ...(spec.schema.privileges === 'skip' ? ['--no-privileges'] : []),
    ...excluded.map(({ schema, name }) => `--exclude-table=${exactPattern(schema)}.${exactPattern(name)}`),
  ];
}

/** In double quotes pg_dump's patterns mean themselves. */
export function exactPattern(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function listEntries(
  job: Job,
  tools: ClientTools,
  file: string,
  section: ArchiveEntry['section'],
): Promise<ArchiveEntry[]> {
  const { stdout } = await runTool(job, {
    tool: tools.pgRestore,
    what: 'list',
    args: ['--list', `--section=${section}`, file],
    step: 'pg_dump',
    code: 'DUMP_FAILED',
  });
  return parseContents(stdout, section);
}

interface Definitions extends Pick<SchemaPlan, 'relations' | 'indexes' | 'foreignKeys'> {
  /** Oids of foreign keys that refer to what is not selected. */
  keysLeftOut: Set<number>;
  /** Tags of the archive for comments on any of them. */
  keyComments: Set<string>;
}

async function readDefinitions(
  source: Session,
  { selected, withoutData }: Pick<Selection, 'selected' | 'withoutData'>,
  select: Spec['select'],
): Promise<Definitions> {
  const tables = selected.filter(({ kind }) => kind === 'r').map(({ oid }) => oid);
  const roots = selected.filter(({ kind }) => kind === 'p').map(({ oid }) => oid);
  const views = selected.filter(({ kind }) => kind === 'm').map(({ oid }) => oid);
  const partial = findPartialRelations(select, selected);
  const columns = await readColumns(source, tables, partial);
  const populated = await readPopulated(source, views);
  const indexes = await readIndexes(source, tables);
  const keys = await readForeignKeys(source, [...tables, ...roots]);
  const byOid = new Map(selected.map((relation) => [relation.oid, relation]));
  return {
    relations: selected.map((relation) => ({
      oid: relation.oid,
      qualified: relation.qualified,
      kind: relation.kind,
      root: rootOf(relation, byOid),
      isLogged: relation.persistence === 'p',
      hasData:
        !withoutData.has(relation.oid) && ('rp'.includes(relation.kind) || populated.has(relation.oid)),
      columns: columns.get(relation.oid)?.columns ?? '',
      isBinary: columns.get(relation.oid)?.isBinary ?? false,
      filter: partial.get(relation.oid)?.filter ?? '',
      bytes: relation.bytes,
      pages: relation.pages,
    })),
    indexes,
    foreignKeys: keys.filter(({ referencedOid }) => byOid.has(referencedOid)),
    keyComments: new Set(keys.map(({ contentsTag }) => contentsTag)),
    keysLeftOut: new Set(keys.filter(({ referencedOid }) => !byOid.has(referencedOid)).map(({ oid }) => oid)),
  };
}

async function planEntries(
  source: Session,
  entries: ArchiveEntry[],
  { indexes, foreignKeys, keysLeftOut, keyComments }: Definitions,
): Promise<Pick<SchemaPlan, 'entries'>> {
  const built = {
    indexes: new Set(indexes.filter(({ constraintOid }) => constraintOid === null).map(({ oid }) => oid)),
    constraints: new Set([
      ...indexes.flatMap(({ constraintOid }) => (constraintOid === null ? [] : [constraintOid])),
      ...foreignKeys.map(({ oid }) => oid),
    ]),
    keysLeftOut,
    keyComments,
  };
  const identities = await identifyEntries(source, entries);
  return {
    entries: entries.map((entry, position) => ({
      ...entry,
      ...identities.get(position),
      leftOut: reasonToLeaveOut(entry, built),
    })),
  };
}
