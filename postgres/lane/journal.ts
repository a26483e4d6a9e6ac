/** The lane's journal: a table of its own on both ends, replicated like any other, that carries heartbeats and markers. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { LaneName } from '../../contract/names.js';
import { ensureSchema } from '../ledger/create-ledger.js';
import type { Session } from '../session.js';

/** The comment by which objects of ours are known: `pgtrek orphans` reads it too. */
export function ownerComment(owner: string): string {
  return `pgtrek owner=${owner}`;
}

export function journalTable(lane: LaneName): string {
  return `pgtrek.${escapeIdentifier(lane)}`;
}

/** New and empty on the source; written there only. */
export async function createJournal(session: Session, lane: LaneName, owner: string): Promise<void> {
  await session.transaction(async () => {
    await ensureSchema(session);
    await session.query(`
      CREATE /* pgtrek: create-journal */ TABLE IF NOT EXISTS ${journalTable(lane)} (
        id text PRIMARY KEY,
        kind text NOT NULL,
        owner text NOT NULL,
        lanes text[] NOT NULL,
        payload jsonb NOT NULL,
        at timestamptz NOT NULL
      )`);
    await session.query(`COMMENT ON TABLE ${journalTable(lane)} IS ${escapeLiteral(ownerComment(owner))}`);
  });
}

/**
 * Runs in the apply worker, inside the marker's transaction: the worker ends before the next one. SECURITY DEFINER
 * because apply may run as another role than the subscription's owner. The lane comes from the trigger, not from the
 * row; only a nonce that is armed here counts, so that an old row never stops anything again.
 */
const STOP_FUNCTION_SQL = `
  CREATE OR REPLACE FUNCTION pgtrek.stop_lane() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $body$
  BEGIN
    DELETE FROM pgtrek.armed a
    WHERE a.owner = NEW.owner AND a.lane = TG_ARGV[0] AND a.nonce = NEW.payload->>'nonce';
    IF FOUND THEN
      EXECUTE format('ALTER SUBSCRIPTION %I DISABLE', TG_ARGV[0]);
    END IF;
    RETURN NULL;
  END
  $body$`;

/** The same for a change of the source's schema: what is armed becomes the id of the change. See ddl-stop.ts. */
const STOP_AT_CHANGE_SQL = `
  CREATE OR REPLACE FUNCTION pgtrek.stop_at_change() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $body$
  BEGIN
    UPDATE pgtrek.armed a SET nonce = NEW.id
    WHERE a.owner = NEW.owner AND a.lane = TG_ARGV[0] AND a.nonce = 'ddl';
    IF FOUND THEN
      EXECUTE format('ALTER SUBSCRIPTION %I DISABLE', TG_ARGV[0]);
    END IF;
    RETURN NULL;
  END
  $body$`;

/**
 * The journal of the target: a replicated marker or change of the schema stops the lane, a local row never does (ENABLE
 * REPLICA).
 */
export async function createTargetJournal(target: Session, lane: LaneName, owner: string): Promise<void> {
  await createJournal(target, lane, owner);
  await target.transaction(async () => {
    await ensureSchema(target);
    await target.query(STOP_FUNCTION_SQL);
    await target.query(STOP_AT_CHANGE_SQL);
    await createStopTrigger(target, lane, { name: 'stop_lane', kind: 'marker' });
    await createStopTrigger(target, lane, { name: 'stop_at_change', kind: 'ddl' });
  });
}

async function createStopTrigger(
  target: Session,
  lane: LaneName,
  { name, kind }: { name: string; kind: 'marker' | 'ddl' },
): Promise<void> {
  await target.query(`DROP TRIGGER IF EXISTS ${name} ON ${journalTable(lane)}`);
  await target.query(`
    CREATE /* pgtrek: create-stop-trigger */ TRIGGER ${name} AFTER INSERT ON ${journalTable(lane)}
    FOR EACH ROW WHEN (NEW.kind = '${kind}') EXECUTE FUNCTION pgtrek.${name}(${escapeLiteral(lane)})`);
  await target.query(`ALTER TABLE ${journalTable(lane)} ENABLE REPLICA TRIGGER ${name}`);
}

export async function dropJournal(session: Session, lane: LaneName): Promise<void> {
  const { exists } = await session.one<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
    journalTable(lane),
  ]);
  if (exists) await session.query(`DROP /* pgtrek: drop-journal */ TABLE IF EXISTS ${journalTable(lane)}`);
}
