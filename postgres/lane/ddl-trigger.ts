/** On the source: an event trigger that writes a change of the schema into every journal, in the change's own transaction. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { PGTREK_SCHEMA, ddlTriggerName, lanePattern } from '../../contract/names.js';
import type { Spec } from '../../contract/spec.js';
import { isRetryable } from '../classify-error.js';
import { ensureSchema } from '../ledger/create-ledger.js';
import type { Job } from '../job.js';
import { purposePrefix } from '../purpose.js';
import type { Session } from '../session.js';
import { ownerComment } from './journal.js';

/** Where changes of the schema are compared, and something is done about them. Specs of older versions lack the field. */
export function stopsAtChanges({
  mode,
  cdc,
}: {
  mode: Spec['mode'];
  cdc: { onSchemaChange?: string };
}): boolean {
  return mode === 'full-load-and-cdc' && cdc.onSchemaChange !== undefined;
}

/** What is no drift, whatever it touches. */
const NO_DRIFT = [
  'COMMENT',
  'SECURITY LABEL',
  'REFRESH MATERIALIZED VIEW',
  'REINDEX',
  ...['PUBLICATION', 'SUBSCRIPTION', 'STATISTICS', 'USER MAPPING'].flatMap((kind) =>
    ['CREATE', 'ALTER', 'DROP'].map((verb) => `${verb} ${kind}`),
  ),
];

/** Of a command: its object is temporary, or ours. */
const IS_NO_CHANGE = `(
  coalesce(c.schema_name, '') IN ('pg_temp', '${PGTREK_SCHEMA}') OR coalesce(c.object_identity, '') = '${PGTREK_SCHEMA}'
  OR coalesce(c.object_identity, '') ~ ' (on|for|of) (pg_temp|${PGTREK_SCHEMA})[.]')`;

/**
 * Changes of the application must never fail or wait because of us. So every error is swallowed, together with all rows of
 * this call: no lane stops then, and the drift is found by comparing. SECURITY DEFINER because the application's
 * role has no right to a journal. Journals are looked up, as later lanes have others. Who drops says so by sql_drop alone.
 */
function functionSql({ name, owner }: Job): string {
  const prefix = escapeLiteral(purposePrefix(name, owner));
  return `
    CREATE /* pgtrek: create-ddl-function */ FUNCTION ${PGTREK_SCHEMA}.${escapeIdentifier(ddlTriggerName(name))}()
    RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
    AS $body$
    DECLARE
      lane text;
    BEGIN
      IF left(current_setting('application_name'), length(${prefix})) = ${prefix}
        OR TG_TAG IN (${NO_DRIFT.map((tag) => escapeLiteral(tag)).join(', ')})
      THEN
        RETURN;
      END IF;
      IF TG_EVENT = 'sql_drop' THEN
        IF TG_TAG NOT LIKE 'DROP %' OR NOT EXISTS (
          SELECT FROM pg_event_trigger_dropped_objects() AS c
          WHERE c.original AND NOT c.is_temporary AND NOT ${IS_NO_CHANGE})
        THEN
          RETURN;
        END IF;
      ELSIF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS c WHERE NOT ${IS_NO_CHANGE}) THEN
        RETURN;
      END IF;
      FOR lane IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = to_regnamespace('${PGTREK_SCHEMA}') AND c.relkind = 'r'
          AND c.relname ~ ${escapeLiteral(lanePattern(name))}
          AND obj_description(c.oid, 'pg_class') = ${escapeLiteral(ownerComment(owner))}
      LOOP
        EXECUTE format(
          'INSERT INTO ${PGTREK_SCHEMA}.%I (id, kind, owner, lanes, payload, at)
           VALUES ($1, ''ddl'', $2, ARRAY[$3], jsonb_build_object(''tag'', $4), clock_timestamp())
           ON CONFLICT (id) DO NOTHING', lane)
        USING 'ddl:' || txid_current(), ${escapeLiteral(owner)}::text, lane, TG_TAG;
      END LOOP;
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END
    $body$`;
}

/** Both, or none: they go with their function. */
const EVENTS = { ddl: 'ddl_command_end', drop: 'sql_drop' } as const;

/**
 * Makes it once for all lanes; where the role may not, or the server will not, there is none, and drift is found by
 * comparing. Another run's stays as it is.
 */
export async function createDdlTrigger(job: Job, source: Session): Promise<void> {
  const name = ddlTriggerName(job.name);
  try {
    await source.transaction(async () => {
      await ensureSchema(source);
      const [existing] = await source.query(FIND_SQL, [name]);
      if (existing) return;
      await source.query(functionSql(job));
      const called = `${PGTREK_SCHEMA}.${escapeIdentifier(name)}()`;
      await source.query(`COMMENT ON FUNCTION ${called} IS ${escapeLiteral(ownerComment(job.owner))}`);
      for (const [what, event] of Object.entries(EVENTS)) {
        await source.query(
          `CREATE /* pgtrek: create-ddl-trigger */ EVENT TRIGGER ${escapeIdentifier(`${name}_${what}`)}
           ON ${event} EXECUTE FUNCTION ${called}`,
        );
      }
    });
  } catch (error) {
    job.signal?.throwIfAborted();
    if (isRetryable(error)) throw error;
  }
}

const FIND_SQL = `
  SELECT /* pgtrek: find-ddl-function */ obj_description(p.oid, 'pg_proc') AS comment FROM pg_proc p
  WHERE p.pronamespace = to_regnamespace('${PGTREK_SCHEMA}') AND p.proname = $1`;

/** Whether the role may make one: tried, and taken back at once. */
export async function mayCreateDdlTrigger(source: Session): Promise<boolean> {
  try {
    // validate's sessions are read-only.
    await source.transaction(async () => {
      await source.query(PROBE_SQL);
      throw new Undone();
    }, 'BEGIN READ WRITE');
  } catch (error) {
    if (error instanceof Undone) return true;
    if (isRetryable(error)) throw error;
  }
  return false;
}

class Undone extends Error {}

const PROBE_SQL = `
  CREATE /* pgtrek: probe-ddl-trigger */ FUNCTION pg_temp.pgtrek_probe() RETURNS event_trigger LANGUAGE plpgsql
  AS 'BEGIN END';
  CREATE EVENT TRIGGER pgtrek_probe ON ddl_command_end EXECUTE FUNCTION pg_temp.pgtrek_probe()`;

/** The event triggers go with their function. Another run's stays. */
export async function removeDdlTrigger(job: Job, source: Session): Promise<void> {
  const name = ddlTriggerName(job.name);
  const [found] = await source.query<{ comment: string | null }>(FIND_SQL, [name]);
  if (found?.comment === ownerComment(job.owner))
    await source.query(`/* pgtrek: drop-ddl-trigger */ ${dropDdlTriggerSql(name)}`);
}

export function dropDdlTriggerSql(name: string): string {
  return `DROP FUNCTION IF EXISTS ${PGTREK_SCHEMA}.${escapeIdentifier(name)}() CASCADE`;
}
