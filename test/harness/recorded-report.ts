/** A report of a recorded history, as `Migration.report` makes it where no worker answers. */
import { readFile } from 'node:fs/promises';
import { defaultPayloadConverter } from '@temporalio/common';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { MigrationReport } from '../../client/index.js';
import { buildReport } from '../../client/report/build-report.js';
import { openCollection } from '../../client/report/collected.js';
import { collectRun } from '../../client/report/collect-history.js';
import type { HistoryEvent } from '../../client/report/read-runs.js';

/** Names of files below test/histories, one a run, oldest first. */
export async function recordedReport(...files: string[]): Promise<MigrationReport> {
  const collected = openCollection();
  for (const file of files)
    await collectRun(collected, `run-of-${file}`, await eventsOf(file), async (payload) =>
      payload ? defaultPayloadConverter.fromPayload(payload) : undefined,
    );
  const ended = collected.runs.at(-1)?.ended;
  return buildReport(collected, {
    name: collected.input?.name ?? '',
    workflowId: `pgtrek-${collected.input?.name ?? ''}`,
    owner: 'owner',
    address: 'localhost:7233',
    namespace: 'default',
    taskQueue: 'pgtrek',
    workflow: ended === undefined || ended === 'continued' ? 'running' : ended,
    isCut: false,
    silence: 'NO_WORKER',
    madeAt: new Date('2026-12-01T00:00:00Z'),
  });
}

async function eventsOf(file: string): Promise<HistoryEvent[]> {
  const text = await readFile(new URL(`../histories/${file}.json`, import.meta.url), 'utf8');
  return historyFromJSON(JSON.parse(text)).events ?? [];
}
