/** The schema that a snapshot sees against the one that was dumped: a load must not go by an old list. */
import { PgtrekError } from '../../contract/errors.js';
import { describeChange } from '../../contract/schema-change.js';
import type { SchemaChange } from '../../contract/schema-change.js';
import type { SeenDrift } from '../../contract/state.js';
import { findChanges, summarizeDrift } from '../fingerprint/find-drift.js';
import { withSource, withTarget } from '../job.js';
import type { Job } from '../job.js';
import type { Session } from '../session.js';

/**
 * A partition that was attached after the dump would be copied by nobody, while the publication of its root already
 * sends its changes: rows would be lost without an error. Throws SCHEMA_CHANGED for what endangers the load, and returns
 * the rest; `keeper` reads in the snapshot.
 */
export async function compareSchema(job: Job, keeper: Session): Promise<SeenDrift | undefined> {
  const changes = await findAll(job, keeper);
  const dangers = changes.filter(endangersLoad);
  if (dangers.length > 0) throw schemaChanged(job.name, dangers);
  return summarizeDrift(changes);
}

/**
 * When all rows are in: a table that became a partition after the snapshot had rows of its own, which nobody has copied as
 * such. Everything else that changes from then on is told as drift. Throws SCHEMA_CHANGED.
 */
export async function checkPartitions(job: Job): Promise<void> {
  const changes = await withSource(job, 'compare', (source) => source.read(() => findAll(job, source)));
  const dangers = changes.filter(({ kind }) => kind === 'partition-attached');
  if (dangers.length > 0) throw schemaChanged(job.name, dangers);
}

async function findAll(job: Job, source: Session): Promise<SchemaChange[]> {
  const { owner, spec } = job;
  return withTarget(
    job,
    'compare',
    async (target) => (await findChanges({ source, target, owner, spec })).changes,
  );
}

/**
 * The tables on the target, made from the dump, must take the rows of the snapshot and all that follow: so must their
 * types, and the keys that are built after them.
 */
function endangersLoad({ kind, from, to }: SchemaChange): boolean {
  // Storage options and row security are no matter of the rows.
  if (kind === 'table-changed') return /UNLOGGED|INHERITS/.test(`${String(from)} ${String(to)}`);
  if (/^(table|column|partition|enum-value|schema-renamed)/.test(kind)) return true;
  if (/^(type|constraint)-(dropped|renamed|changed)$/.test(kind)) return kind !== 'constraint-renamed';
  return /^index-(dropped|changed)$/.test(kind) && (from ?? '').startsWith('CREATE UNIQUE');
}

/** So many fit into a message that people read. */
const TOLD = 10;

function schemaChanged(name: string, changes: SchemaChange[]): PgtrekError {
  const told = changes.slice(0, TOLD).map(describeChange).join('; ');
  const more = changes.length > TOLD ? `; and ${String(changes.length - TOLD)} more` : '';
  return new PgtrekError(
    'SCHEMA_CHANGED',
    `The schema of the source has changed since it was dumped: ${told}${more}.`,
    {
      remedy: `pgtrek restart ${name} --drop-target, which drops what was restored and begins again with the new schema.`,
    },
  );
}
