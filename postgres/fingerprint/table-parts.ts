/** What stands on a table besides its columns: constraints, indexes, triggers, policies, rules. */
import { idOf, qualified } from './catalog-part.js';
import type { CatalogPart } from './catalog-part.js';

/** `orders_pkey ON public.orders`, as COMMENT ON and DROP name it. */
const onTable = (name: string) => `format('%I ON %s', ${name}, ${qualified('r')})`;

const belongs = (label: string) => ({ rel: 'r.oid', container: idOf('r'), label });

/**
 * With its index, if it has one. Left out: what a partition or child inherits, which is told of the parent; NOT NULL, a
 * constraint from 18 on, which is told of the column.
 */
function constraints(version: number): CatalogPart {
  return {
    from: `
      FROM relation r
        JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
          AND k.conparentid = 0 AND (k.conislocal OR k.coninhcount = 0)
        LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
        LEFT JOIN pg_class ic ON ic.oid = i.indexrelid`,
    kind: `'constraint'`,
    objid: 'k.oid',
    ...belongs('k.conname'),
    raw: [
      'k.contype',
      'concat(k.condeferrable, k.condeferred, k.convalidated, k.connoinherit)',
      `concat_ws('.', k.conkey, k.confrelid, k.confkey, k.confupdtype, k.confdeltype, k.confmatchtype, k.conexclop)`,
      ...(version >= 150000 ? [`concat_ws('.', k.confdelsetcols, i.indnullsnotdistinct)`] : []),
      ...(version >= 180000 ? ['concat(k.conenforced, k.conperiod)'] : []),
      `concat_ws('.', i.indkey, i.indclass, i.indcollation, ic.reloptions)`,
      'md5(k.conbin::text)',
    ],
    name: onTable('k.conname'),
    definition: `pg_get_constraintdef(k.oid) || concat(' WITH (' || array_to_string(ic.reloptions, ', ') || ')')`,
  };
}

/**
 * Valid ones alone: one that is being built CONCURRENTLY is not there yet. Left out: those of constraints, and those of
 * partitions that are told of the parent; the choice of CLUSTER and of the replica identity.
 */
function indexes(version: number): CatalogPart {
  return {
    from: `
      FROM relation r
        JOIN pg_index i ON i.indrelid = r.oid AND i.indisvalid
        JOIN pg_class ic ON ic.oid = i.indexrelid AND NOT ic.relispartition
      WHERE NOT EXISTS (
        SELECT FROM pg_constraint k
        WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
      )`,
    kind: `'index'`,
    objid: 'i.indexrelid',
    ...belongs('ic.relname'),
    raw: [
      'ic.relam',
      'concat(i.indisunique, i.indnatts)',
      `concat_ws('.', i.indkey, i.indclass, i.indcollation, i.indoption)`,
      ...(version >= 150000 ? ['i.indnullsnotdistinct'] : []),
      'ic.reloptions',
      `md5(concat(i.indexprs, '|', i.indpred))`,
    ],
    name: `format('%I.%I', r.nspname, ic.relname)`,
    definition: 'pg_get_indexdef(i.indexrelid)',
  };
}

const STATES = `CASE %s WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' END`;

/** Before 13 the copies on partitions are marked as internal, and from then on by their parent. */
function triggers(version: number): CatalogPart {
  return {
    from: `
      FROM relation r
        JOIN pg_trigger g ON g.tgrelid = r.oid AND NOT g.tgisinternal ${version >= 130000 ? 'AND g.tgparentid = 0' : ''}`,
    kind: `'trigger'`,
    objid: 'g.oid',
    ...belongs('g.tgname'),
    raw: [
      `concat_ws('.', g.tgfoid, g.tgtype, g.tgenabled, g.tgdeferrable, g.tginitdeferred, g.tgconstrrelid, g.tgattr)`,
      `concat_ws('.', g.tgargs, g.tgoldtable, g.tgnewtable)`,
      'md5(g.tgqual::text)',
    ],
    name: onTable('g.tgname'),
    definition: `concat_ws(' ', ${STATES.replace('%s', 'g.tgenabled')}, pg_get_triggerdef(g.oid))`,
  };
}

function policies(): CatalogPart {
  return {
    from: 'FROM relation r JOIN pg_policy p ON p.polrelid = r.oid',
    kind: `'policy'`,
    objid: 'p.oid',
    ...belongs('p.polname'),
    raw: [
      `concat_ws('.', p.polcmd, p.polpermissive, p.polroles)`,
      'md5(p.polqual::text)',
      `coalesce(md5(p.polwithcheck::text), '')`,
    ],
    name: onTable('p.polname'),
    definition: `concat_ws(' ', CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END,
      'FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
      'TO ' || (
        SELECT string_agg(CASE o.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o.role)) END, ', ' ORDER BY o.role)
        FROM unnest(p.polroles) o (role)),
      'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
      'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')`,
  };
}

/** What makes a view is the view itself. */
function rules(): CatalogPart {
  return {
    from: `FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'`,
    kind: `'rule'`,
    objid: 'w.oid',
    ...belongs('w.rulename'),
    raw: [`concat(w.ev_type, w.ev_enabled, w.is_instead)`, `md5(concat(w.ev_qual, '|', w.ev_action))`],
    name: onTable('w.rulename'),
    definition: `concat_ws(' ', ${STATES.replace('%s', 'w.ev_enabled')}, pg_get_ruledef(w.oid))`,
  };
}

export function tableParts(version: number): CatalogPart[] {
  return [constraints(version), indexes(version), triggers(version), policies(), rules()];
}
