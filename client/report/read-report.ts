/** Everything that Temporal and the migration itself know of it, read for a report. */
import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { PgtrekError } from '../../contract/errors.js';
import { QUERIES } from '../../contract/messages.js';
import type { MigrationState, TablesPage } from '../../contract/state.js';
import { askMigration } from '../ask-migration.js';
import { decodePayload } from '../decode-payload.js';
import { decodeLiveFigures } from '../live-figures.js';
import { translateServiceError } from '../service-errors.js';
import { callWithDeadline } from '../temporal-link.js';
import type { TemporalLink } from '../temporal-link.js';
import { workflowStatusOf } from '../workflow-status.js';
import { buildReport } from './build-report.js';
import { collectFigures, collectState, openCollection } from './collected.js';
import type { Collected } from './collected.js';
import { collectRun } from './collect-history.js';
import { findRuns, readRun } from './read-runs.js';
import type { MigrationReport } from './shape.js';

/** Throws MIGRATION_NOT_FOUND, TEMPORAL_UNREACHABLE; without a worker it tells what the history holds. */
export async function readReport(
  link: TemporalLink,
  handle: WorkflowHandle,
  name: string,
): Promise<MigrationReport> {
  const { workflowId } = handle;
  const description = await callWithDeadline(link, () => handle.describe()).catch((error: unknown) => {
    throw translateServiceError(link, error);
  });
  const collected = openCollection();
  const isCut = await collectRuns(link, collected, { workflowId, runId: description.runId });
  await collectLive(link, collected, description);
  const silence = await collectAnswers(link, collected, handle);
  return buildReport(collected, {
    name,
    workflowId,
    owner: description.raw.workflowExecutionInfo?.firstRunId ?? description.runId,
    address: link.address,
    namespace: link.namespace,
    taskQueue: description.taskQueue,
    workflow: workflowStatusOf(description.status.name),
    isCut,
    ...(silence === undefined ? {} : { silence }),
    madeAt: new Date(),
  });
}

/** True when the first runs are gone. */
async function collectRuns(
  link: TemporalLink,
  collected: Collected,
  latest: { workflowId: string; runId: string },
): Promise<boolean> {
  const { runIds, isCut } = await findRuns(link, latest.workflowId, latest.runId);
  // The last one may be continued while the others are read.
  const toRead = [...runIds];
  for (let runId = toRead.shift(); runId !== undefined; runId = toRead.shift()) {
    const events = readRun(link, { workflowId: latest.workflowId, runId });
    const next = await collectRun(collected, runId, events, (payload) => decodePayload(link.client, payload));
    if (next !== undefined && toRead.length === 0) toRead.push(next);
  }
  return isCut;
}

async function collectLive(
  link: TemporalLink,
  collected: Collected,
  description: WorkflowExecutionDescription,
): Promise<void> {
  const live = await decodeLiveFigures(link.client, description).catch(() => []);
  for (const figures of live) if (figures.kind === 'monitor') collectFigures(collected, figures);
}

/** Its own words, if a worker is there to say them. Returns why not. */
async function collectAnswers(
  link: TemporalLink,
  collected: Collected,
  handle: WorkflowHandle,
): Promise<string | undefined> {
  try {
    const state = await askMigration<MigrationState>(link, handle, { query: QUERIES.state });
    collectState(collected, state);
    await collectTables(link, collected, handle);
    return undefined;
  } catch (error) {
    // Where the server itself is away, the report would seem complete.
    if (error instanceof PgtrekError && error.code === 'TEMPORAL_UNREACHABLE') throw error;
    return error instanceof PgtrekError ? error.code : 'INTERNAL_ERROR';
  }
}

/** As many as one answer holds. */
const AT_ONCE = 2_000;

/** A run that continues another may not have read them again yet: then those of the history stand. */
async function collectTables(
  link: TemporalLink,
  collected: Collected,
  handle: WorkflowHandle,
): Promise<void> {
  for (let offset = 0, total = 1; offset < total;) {
    const argument = { offset, limit: AT_ONCE };
    const page = await askMigration<TablesPage>(link, handle, { query: QUERIES.tables, argument });
    if (page.tables.length === 0) return;
    if (offset === 0) collected.tables.clear();
    for (const row of page.tables) collected.tables.set(row.table, row);
    ({ total } = page);
    offset += page.tables.length;
  }
}
