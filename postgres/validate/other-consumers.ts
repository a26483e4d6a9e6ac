/** Replication of others from and to the source: neither publications nor subscriptions nor slots come along. */
import type { Finding } from '../../contract/state.js';
import { givenStart } from '../lane/lane-names.js';
import type { OnSource } from './check.js';
import { capFindings, listNames } from './check.js';

// Column lists, conditions and schemas of a publication are of 15 and later.
const PUBLICATIONS_SQL = `
  SELECT /* pgtrek: validate publications */ quote_ident(p.pubname) AS name, p.pubname::text AS plain, p.puballtables AS "isAll",
    concat_ws(', ', CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
      CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END) AS publish,
    coalesce(to_jsonb(p)->>'pubviaroot' = 'true', false) AS "viaRoot",
    ARRAY(SELECT format('%I.%I', n.nspname, c.relname)
      FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE r.prpubid = p.oid ORDER BY 1) AS tables,
    EXISTS (SELECT FROM pg_publication_rel r
      WHERE r.prpubid = p.oid AND coalesce(to_jsonb(r)->>'prqual', to_jsonb(r)->>'prattrs') IS NOT NULL) AS "isPartial"
  FROM pg_publication p
  WHERE p.pubname !~ '^pgtrek_'
  ORDER BY 1`;

interface Publication {
  name: string;
  plain: string;
  isAll: boolean;
  publish: string;
  viaRoot: boolean;
  tables: string[];
  isPartial: boolean;
}

const SLOTS_SQL = `
  SELECT /* pgtrek: validate slots of others */ slot_name::text AS slot, plugin::text AS plugin, active
  FROM pg_replication_slots
  WHERE database = current_database() AND NOT temporary AND slot_name !~ '^pgtrek_'
  ORDER BY 1`;

interface Slot {
  slot: string;
  plugin: string;
  active: boolean;
}

export async function checkPublications({ source, spec }: OnSource): Promise<Finding[]> {
  const given = givenStart(spec);
  const publications = await source.query<Publication & Record<string, unknown>>(PUBLICATIONS_SQL);
  const slots = await source.query<Slot & Record<string, unknown>>(SLOTS_SQL);
  return capFindings([
    ...publications.filter(({ plain }) => plain !== given?.publication).map(tellPublication),
    ...slots.filter(({ slot }) => slot !== given?.slot).map(tellSlot),
  ]);
}

function tellPublication({ name, isAll, publish, viaRoot, tables, isPartial }: Publication): Finding {
  const list = isAll ? ' FOR ALL TABLES' : tables.length > 0 ? ` FOR TABLE ${listNames(tables, 50)}` : '';
  const root = viaRoot ? ', publish_via_partition_root = true' : '';
  const more = isPartial ? ', with its lists of columns and conditions' : '';
  return {
    id: 'source.publications',
    scope: `source.publication ${name}`,
    verdict: 'warn',
    why: `Publication ${name} does not come along: whoever reads it gets nothing more after the cutover.`,
    remedy: `CREATE PUBLICATION ${name}${list} WITH (publish = '${publish}'${root}); -- on the target, after the load${more}`,
  };
}

function tellSlot({ slot, plugin, active }: Slot): Finding {
  return {
    id: 'source.publications',
    scope: `source.slot ${slot}`,
    verdict: 'warn',
    why: `Slot ${slot} (${plugin}, ${active ? 'in use' : 'not in use now'}) does not come along: its reader does not go on from where it stood.`,
    remedy: `At the cutover let it read to the end, and then SELECT pg_create_logical_replication_slot('${slot}', '${plugin}'); -- on the target, before anything writes there`,
  };
}

const SUBSCRIPTIONS_SQL = `
  SELECT /* pgtrek: validate subscriptions */ quote_ident(subname) AS name, subenabled AS enabled
  FROM pg_subscription
  WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  ORDER BY 1`;

export async function checkSubscriptions({ source }: OnSource): Promise<Finding[]> {
  const rows = await source.query<{ name: string; enabled: boolean }>(SUBSCRIPTIONS_SQL);
  return capFindings(
    rows.map(({ name, enabled }) => ({
      id: 'source.subscriptions',
      scope: `source.subscription ${name}`,
      verdict: 'warn',
      why: `The source is itself a subscriber: subscription ${name} (${enabled ? 'enabled' : 'disabled'}) does not come along, and goes on to change the source's tables after the cutover.`,
      remedy: `ALTER SUBSCRIPTION ${name} DISABLE; -- on the source at the cutover; then subscribe on the target, from where it stood`,
    })),
  );
}
