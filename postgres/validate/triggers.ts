/** Triggers that fire on the target for what a subscription applies, and event triggers. */
import type { Finding } from '../../contract/state.js';
import { mayCreateDdlTrigger } from '../lane/ddl-trigger.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { capFindings, listNames } from './check.js';
import { NAMED_TABLES } from '../named-tables.js';
import { tablesOf } from './partial-families.js';

// A partition's copy of a trigger has a parent (from 13 on; before, it is internal).
const TRIGGERS_SQL = `
  SELECT /* pgtrek: validate triggers */ t.name AS table, quote_ident(g.tgname) AS name, g.tgenabled AS enabled
  FROM (${NAMED_TABLES}) AS t
    JOIN pg_trigger g ON g.tgrelid = t.oid
  WHERE NOT g.tgisinternal AND g.tgenabled IN ('A', 'R') AND coalesce(to_jsonb(g)->>'tgparentid', '0') = '0'
  ORDER BY 1, 2`;

interface Trigger {
  table: string;
  name: string;
  /** pg_trigger.tgenabled: always, or in replication only. */
  enabled: 'A' | 'R';
}

/** Of the source, as they come along; in mode cdc of the target, which has its own. */
export async function checkTriggers({ source, target, selection, spec }: OnBoth): Promise<Finding[]> {
  const session = spec.mode === 'cdc' ? target : source;
  const tables = tablesOf(selection.selected).filter(({ oid }) => !selection.withoutData.has(oid));
  const triggers = await session.query<Trigger & Record<string, unknown>>(TRIGGERS_SQL, [
    tables.map(({ qualified }) => qualified),
  ]);
  return capFindings(triggers.map((trigger) => tellTrigger(trigger, session)));
}

function tellTrigger({ table, name, enabled }: Trigger, { endpoint: { end } }: Session): Finding {
  const state = enabled === 'A' ? 'ALWAYS' : 'REPLICA';
  const again =
    enabled === 'A'
      ? 'after it has fired on the source, whose rows of it come too'
      : 'where it has not fired on the source';
  const where = end === 'source' ? 'on the source, if nothing is replicated to it' : 'on the target';
  const statement =
    enabled === 'A'
      ? `ALTER TABLE ${table} ENABLE TRIGGER ${name};`
      : `ALTER TABLE ${table} DISABLE TRIGGER ${name};`;
  return {
    id: 'source.triggers',
    scope: `${end}.table ${table}`,
    verdict: 'warn',
    why: `Trigger ${name} of ${table} is ENABLE ${state}: on the target it fires for every change that is applied, ${again}.`,
    remedy: `${statement} -- ${where}; or see that it does no harm`,
  };
}

const EVENT_TRIGGERS_SQL = `
  SELECT /* pgtrek: validate event triggers */ quote_ident(e.evtname) AS name
  FROM pg_event_trigger e
  WHERE e.evtname !~ '^pgtrek_\\w+_ddl_(ddl|drop)$'
    AND NOT EXISTS (
      SELECT FROM pg_depend d
      WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
  ORDER BY 1`;

/** They come last of all that is restored, and with every selection. */
export async function checkEventTriggers({ source, target }: OnBoth): Promise<Finding[]> {
  const rows = await source.query<{ name: string }>(EVENT_TRIGGERS_SQL);
  if (rows.length === 0) return [];
  const names = rows.map(({ name }) => name);
  const finding = { id: 'source.event_triggers', scope: 'source' };
  const drop = names.map((name) => `DROP EVENT TRIGGER ${name};`).join(' ');
  const { user } = target.endpoint;
  if (!(await mayCreateDdlTrigger(target)))
    return [
      {
        ...finding,
        verdict: 'block',
        why: `Role ${user} of the target may not make event triggers, and the source has ${names.length}: ${listNames(names)}.`,
        remedy: `${drop} -- on the source, and make them on the target afterwards; or a superuser as target.user`,
      },
    ];
  return [
    {
      ...finding,
      verdict: 'warn',
      why: `Event triggers come along (${listNames(names)}): from then on they fire on the target for what pgtrek itself makes there, such as foreign keys and changes that it adopts.`,
      remedy:
        names.map((name) => `ALTER EVENT TRIGGER ${name} DISABLE;`).join(' ') +
        ' -- on the target until the end, where one would refuse that',
    },
  ];
}
