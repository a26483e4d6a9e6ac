/** What a terminated workflow left behind: objects of ours, on both ends, whose workflow runs no more. */
import { escapeIdentifier } from 'pg';
import type { LaneName } from '../contract/names.js';
import { explained } from './classify-error.js';
import type { Servers } from './endpoint.js';
import { readFixes } from './fixes/record.js';
import { undoFix } from './fixes/undo-fix.js';
import { dropDdlTriggerSql } from './lane/ddl-trigger.js';
import { dropJournal } from './lane/journal.js';
import { dropSlot } from './lane/slot.js';
import { dropSubscription } from './lane/subscription.js';
import { clearLedger, dropSchemaIfUnused } from './ledger/create-ledger.js';
import { readOwnObjects } from './own-objects.js';
import type { OwnObject } from './own-objects.js';
import { dropScratch } from './rehearsal/scratch-database.js';
import { withSession } from './session.js';
import type { Session, SessionOptions } from './session.js';

export type Orphan = OwnObject;

export interface FindOrphansInput {
  servers: Servers;
  /** Whether the workflow of this first run id still runs. */
  isLive: (owner: string) => Promise<boolean>;
  /** Whether a workflow of this name runs, whichever: its fixes are no orphans. @default none does */
  isRunning?: (migration: string) => Promise<boolean>;
  /** Migrations to look at; all when absent. */
  names?: string[];
  signal?: AbortSignal;
}

/** In the order of removal. An object without a mark of its owner is an orphan: no running workflow can claim it. */
export async function findOrphans({
  servers,
  isLive,
  isRunning = () => Promise.resolve(false),
  names,
  signal,
}: FindOrphansInput): Promise<Orphan[]> {
  const options = sessionOptions(servers, signal);
  const read = (end: 'source' | 'target') =>
    explained({ doing: `look for objects of pgtrek on the ${end}` }, () =>
      withSession(servers[end], options, (session) => readAll(session, names)),
    );
  const target = await read('target');
  const source = await read('source');
  const found = [...target, ...source];
  const live = await findLive(found, isLive);
  const running = await findLive(found.filter(isFix).map(asOwned), isRunning);
  return sortForRemoval(
    found.filter((object) => {
      const { owner } = isFix(object) ? asOwned(object) : object;
      return owner === undefined || !(isFix(object) ? running : live).has(owner);
    }),
  );
}

async function readAll(session: Session, names: string[] | undefined): Promise<OwnObject[]> {
  if (names === undefined) return readOwnObjects(session);
  const found = new Map<string, OwnObject>();
  for (const name of names) {
    for (const object of await readOwnObjects(session, name)) found.set(keyOf(object), object);
  }
  return [...found.values()];
}

function isFix({ kind }: OwnObject): boolean {
  return kind === 'fix';
}

/** A fix is its migration's, whatever run it is in. */
function asOwned(fix: OwnObject): OwnObject {
  return { ...fix, owner: fix.name.replace(/\/\d+$/, '') };
}

async function findLive(objects: OwnObject[], isLive: FindOrphansInput['isLive']): Promise<Set<string>> {
  const live = new Set<string>();
  for (const owner of new Set(objects.map(({ owner }) => owner))) {
    if (owner !== undefined && (await isLive(owner))) live.add(owner);
  }
  return live;
}

/** A subscription would take its slot again, an event trigger writes to the journals; journal and ledger say to the last whose the rest is. */
const ORDER: OwnObject['kind'][] = [
  'subscription',
  'event-trigger',
  'slot',
  'publication',
  'journal',
  // Before the ledger, which says whether the restore has given the target's tables what a fix gave the source's.
  'fix',
  'ledger',
  'rehearsal',
  'schema',
];

function sortForRemoval(objects: OwnObject[]): OwnObject[] {
  return objects.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

/**
 * Removes one orphan, and schema pgtrek with the last of them. Looks again first: what is gone, or is another run's
 * by now, is left alone.
 */
export async function removeOrphan(servers: Servers, orphan: Orphan): Promise<void> {
  const { end, kind, name } = orphan;
  await explained(
    {
      code: 'CLEANUP_INCOMPLETE',
      doing: `remove ${kind} ${name} of the ${end}`,
      object: name,
      remedy: orphan.remove,
    },
    () =>
      withSession(servers[end], sessionOptions(servers, undefined), async (session) => {
        const objects = await readOwnObjects(session);
        const isThere = objects.some((object) => keyOf(object) === keyOf(orphan));
        if (isThere && isFix(orphan)) await undoOrphan(servers, session, orphan);
        else if (isThere) await remove(session, orphan);
        if (kind === 'journal' || kind === 'ledger' || kind === 'fix') await dropSchemaIfUnused(session);
      }),
  );
}

async function undoOrphan(servers: Servers, home: Session, { name }: Orphan): Promise<void> {
  const fix = (await readFixes(home)).find(({ migration, id }) => `${migration}/${id}` === name);
  if (!fix) return;
  if (home.endpoint.end === 'target') await undoFix({ home, target: undefined }, fix);
  else
    await withSession(servers.target, sessionOptions(servers, undefined), (target) =>
      undoFix({ home, target }, fix),
    );
}

async function remove(session: Session, { kind, name, owner }: Orphan): Promise<void> {
  const lane = name as LaneName;
  switch (kind) {
    case 'subscription':
      return dropSubscription(session, lane);
    case 'event-trigger':
      await session.query(dropDdlTriggerSql(name));
      return;
    case 'slot':
      return dropSlot(session, lane);
    case 'publication':
      await session.query(`DROP /* pgtrek: drop orphan */ PUBLICATION IF EXISTS ${escapeIdentifier(name)}`);
      return;
    case 'journal':
      return dropJournal(session, lane);
    case 'ledger':
      return owner === undefined ? undefined : clearLedger(session, owner);
    case 'fix':
      // undoOrphan has done it.
      return;
    case 'rehearsal':
      return dropScratch(session, name);
    case 'schema':
      return dropSchemaIfUnused(session);
  }
}

function keyOf({ end, kind, name, owner }: OwnObject): string {
  return JSON.stringify([end, kind, name, owner ?? null]);
}

function sessionOptions(servers: Servers, signal: AbortSignal | undefined): SessionOptions {
  return { purpose: 'pgtrek:orphans', signal, observer: servers.observer };
}
