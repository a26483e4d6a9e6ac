/** Reads in one snapshot of the source what has changed, and dumps its schema anew. */
import type { LaneName } from '../../contract/names.js';
import type { SchemaChange } from '../../contract/schema-change.js';
import { PgtrekError } from '../../contract/errors.js';
import { findClientTools } from '../client-tools.js';
import type { Differences } from '../fingerprint/find-drift.js';
import { findDifferences } from '../fingerprint/find-drift.js';
import type { SchemaItem } from '../fingerprint/read-items.js';
import { readDigest } from '../fingerprint/read-items.js';
import type { Job } from '../job.js';
import { readFilenodes } from '../lane/publication.js';
import type { Filenode } from '../lane/publication.js';
import type { SchemaPlan } from '../ledger/schema-plan.js';
import { findRewritten, readLaidPartitions } from '../monitor/rewritten-partitions.js';
import { dumpInSnapshot } from '../schema/dump-schema.js';
import type { Session } from '../session.js';
import { readTypeFacts } from './alter-types.js';
import type { TypeFacts } from './alter-types.js';
import { findUnsent, readColumnFacts, readParents } from './column-facts.js';
import type { ColumnFacts } from './column-facts.js';

export interface SourceChanges extends Differences {
  /** Told, with partitions that were emptied or rewritten. */
  told: { change: SchemaChange; item?: SchemaItem }[];
  /** The schema now. */
  plan: SchemaPlan;
  columns: Map<string, ColumnFacts>;
  types: Map<string, TypeFacts>;
  /** Of partitions and of tables that inherit, by oid. */
  parents: Map<number, number[]>;
  /** New partitions with rows that were not sent. */
  unsent: number[];
  /** Names of partitions whose rows lie elsewhere. */
  rewritten: string[];
  filenodes: Map<number, Filenode>;
}

/** Undefined where nothing has changed. Throws SCHEMA_CHANGED, retryable, while somebody is changing more. */
export async function readChanges(
  job: Job,
  lanes: LaneName[],
  source: Session,
  target: Session,
): Promise<SourceChanges | undefined> {
  const { owner, spec } = job;
  const tools = await findClientTools(Math.floor(source.version / 10_000));
  const laid = await readLaidPartitions(target, owner, lanes);
  const read = await source.read(async () => {
    const differences = await findDifferences({ source, target, owner, spec });
    const rewritten = await findRewritten(source, laid);
    if (differences.found.length === 0 && rewritten.length === 0) return undefined;
    const tables = oidsOf(differences.after, 'table');
    const attached = differences.matches.fresh.filter(({ kind }) => kind === 'partition');
    const plan = await dumpInSnapshot(job, source, tools);
    const nodes = await readFilenodes(
      source,
      plan.relations.map(({ oid }) => oid),
    );
    return {
      ...differences,
      told: [...differences.found, ...rewritten.map((change) => ({ change }))],
      plan,
      columns: await readColumnFacts(source, tables),
      types: await readTypeFacts(source, oidsOf(differences.after, 'type')),
      parents: await readParents(source),
      unsent: await findUnsent(source, attached.map(relationOf)),
      rewritten: rewritten.map(({ object }) => object),
      filenodes: new Map(nodes.map((node) => [node.oid, node])),
    };
  });
  if (read && !(read.certain && (await readDigest(source)) === read.plan.fingerprint.digest))
    throw changing();
  return read;
}

/** Oid of the relation that an id of a fingerprint names: of the table, for what is part of it. */
export function relationOf({ id }: Pick<SchemaItem, 'id'>): number {
  return Number(id.split('/')[1]);
}

function oidsOf(items: SchemaItem[], kind: string): number[] {
  return items.filter((item) => item.kind === kind).map(relationOf);
}

/** Definitions are those of the newest catalogs: what is read while they change may not go together. */
function changing(): PgtrekError {
  return new PgtrekError('SCHEMA_CHANGED', 'The schema of the source is being changed at this moment.', {
    retryable: true,
  });
}
