/** The ledger: tables in schema pgtrek of the target that hold the plan and what is done. Every row has its owner. */
import { PgtrekError } from '../../contract/errors.js';
import type { Session } from '../session.js';

/** One lock for all migrations: IF NOT EXISTS alone can fail when two create the same thing at once. */
const LOCK_SQL = `SELECT pg_advisory_xact_lock(hashtext('pgtrek'), hashtext('ledger'))`;

const TABLES_SQL = `/* pgtrek: create-ledger */
  CREATE TABLE IF NOT EXISTS pgtrek.migration (
    owner text PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Set when nothing of the schema existed and pg_restore is about to make it: what exists later is ours.
    restore_begun_at timestamptz
  );

  -- The schema of the source as a pg_dump archive: any worker restores any section from it, weeks later too.
  CREATE TABLE IF NOT EXISTS pgtrek.archive (
    owner text PRIMARY KEY,
    -- Of pg_dump: an older pg_restore does not read it.
    client_major int NOT NULL,
    content bytea NOT NULL
  );

  -- Table of contents of the archive. What has no left_out reason is restored by pg_restore.
  CREATE TABLE IF NOT EXISTS pgtrek.entry (
    owner text NOT NULL,
    position int NOT NULL,
    section text NOT NULL,
    kind text NOT NULL,
    line text NOT NULL,
    object_type text,
    identity text,
    left_out text,
    PRIMARY KEY (owner, position)
  );

  -- Selected relations of the source.
  CREATE TABLE IF NOT EXISTS pgtrek.relation (
    owner text NOT NULL,
    id int NOT NULL,
    oid oid NOT NULL,
    qualified text NOT NULL,
    kind text NOT NULL,
    -- The partitioned table at the top, which is published as one; the relation itself otherwise.
    root int NOT NULL,
    is_logged boolean NOT NULL,
    has_data boolean NOT NULL,
    columns text NOT NULL,
    is_binary boolean NOT NULL,
    -- Condition that its rows must meet; '' for all.
    filter text NOT NULL,
    -- With TOAST.
    bytes bigint NOT NULL,
    -- Of the heap alone.
    pages bigint NOT NULL,
    -- The lane that carries its changes; of a partition: that of its root.
    lane text,
    -- Set with the last of its indexes and keys.
    is_indexed boolean NOT NULL DEFAULT false,
    is_analyzed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (owner, id)
  );

  -- Parts of tables that are split: conditions on ctid or key that leave no row out and take none twice.
  CREATE TABLE IF NOT EXISTS pgtrek.part (
    owner text NOT NULL,
    relation int NOT NULL,
    -- From 1 on.
    part int NOT NULL,
    condition text NOT NULL,
    PRIMARY KEY (owner, relation, part)
  );

  -- Indexes and keys of tables, built by us after the data. constraint_sql is what follows ADD CONSTRAINT name.
  CREATE TABLE IF NOT EXISTS pgtrek.table_index (
    owner text NOT NULL,
    id int NOT NULL,
    relation int NOT NULL,
    qualified text NOT NULL,
    index_sql text,
    constraint_name text,
    constraint_sql text,
    follow_up_sql text[] NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (owner, id)
  );

  CREATE INDEX IF NOT EXISTS table_index_relation ON pgtrek.table_index (owner, relation);

  CREATE TABLE IF NOT EXISTS pgtrek.foreign_key (
    owner text NOT NULL,
    id int NOT NULL,
    qualified text NOT NULL,
    constraint_name text NOT NULL,
    definition text NOT NULL,
    -- The relation that it refers to.
    referenced int NOT NULL,
    -- A partitioned table takes no NOT VALID key before 18.
    is_partitioned boolean NOT NULL,
    is_validated boolean NOT NULL,
    -- Reads the values that lack a partner; null for keys with PERIOD.
    violations_sql text,
    comment text,
    PRIMARY KEY (owner, id)
  );

  -- What the source held when its schema was dumped; another digest there means that something has changed.
  CREATE TABLE IF NOT EXISTS pgtrek.fingerprint (
    owner text PRIMARY KEY,
    digest text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
  );

  -- The objects of that schema: postgres/fingerprint/read-items.ts tells what the columns mean.
  CREATE TABLE IF NOT EXISTS pgtrek.schema_item (
    owner text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    rel oid NOT NULL,
    container text NOT NULL,
    label text NOT NULL,
    known text NOT NULL,
    raw text NOT NULL,
    name text NOT NULL,
    definition text,
    role text,
    acl text,
    hash bigint NOT NULL,
    PRIMARY KEY (owner, id)
  );

  CREATE TABLE IF NOT EXISTS pgtrek.lane (
    owner text NOT NULL,
    lane text NOT NULL,
    status text NOT NULL,
    -- Names of the slots that the server's own copying makes on the source, as a regular expression.
    sync_slots text,
    PRIMARY KEY (owner, lane)
  );

  -- With cdc.lanes: what goes by one lane, by the root of each table. Written once.
  CREATE TABLE IF NOT EXISTS pgtrek.lane_group (
    owner text NOT NULL,
    root int NOT NULL,
    -- From 1 on.
    n int NOT NULL,
    PRIMARY KEY (owner, root)
  );

  -- Where a table's rows lay on the source before the lane's slot existed.
  CREATE TABLE IF NOT EXISTS pgtrek.filenode (
    owner text NOT NULL,
    lane text NOT NULL,
    relation int NOT NULL,
    heap oid,
    toast oid,
    PRIMARY KEY (owner, lane, relation)
  );

  -- Written in the transaction that brought the rows.
  CREATE TABLE IF NOT EXISTS pgtrek.copied (
    owner text NOT NULL,
    lane text NOT NULL,
    relation int NOT NULL,
    -- 0: the whole table.
    part int NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    copied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, lane, relation, part)
  );

  -- Large objects that are on the target; written in the transaction that made them, and before pg_restore makes them.
  CREATE TABLE IF NOT EXISTS pgtrek.large_object (
    owner text NOT NULL,
    -- The lane from whose snapshot they come.
    lane text NOT NULL,
    oid oid NOT NULL,
    PRIMARY KEY (owner, oid)
  );

  -- Nonces of the markers that may stop a lane.
  CREATE TABLE IF NOT EXISTS pgtrek.armed (
    owner text NOT NULL,
    lane text NOT NULL,
    nonce text NOT NULL,
    PRIMARY KEY (owner, lane, nonce)
  )`;

const OWN_SQL = `
  INSERT /* pgtrek: own-ledger */ INTO pgtrek.migration (owner, name) VALUES ($1, $2)
  ON CONFLICT (owner) DO NOTHING`;

/** Makes what is missing and enters the migration. */
export async function createLedger(target: Session, owner: string, name: string): Promise<void> {
  await target.transaction(async () => {
    await target.query(LOCK_SQL);
    await createSchema(target);
    await upgradeLocked(target);
    await target.query(TABLES_SQL);
    await target.query(OWN_SQL, [owner, name]);
  });
}

const LACKS_SQL = `
  SELECT /* pgtrek: look-for-columns */ to_regclass('pgtrek.relation') IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = to_regclass('pgtrek.relation') AND attname = 'lane') AS lacks`;

/**
 * What 0.1 and 0.2 lack. Defaults stay, because a worker of theirs may still enter rows. The root of a partition was
 * not noted then: 0 is none, and so no id.
 */
const UPGRADE_SQL = `
  ALTER /* pgtrek: add-columns */ TABLE pgtrek.lane ADD COLUMN IF NOT EXISTS sync_slots text;
  ALTER TABLE pgtrek.relation
    ALTER COLUMN is_partition SET DEFAULT false,
    ADD COLUMN root int NOT NULL DEFAULT 0,
    ADD COLUMN filter text NOT NULL DEFAULT '',
    ADD COLUMN pages bigint NOT NULL DEFAULT 0,
    ADD COLUMN lane text,
    ADD COLUMN is_indexed boolean NOT NULL DEFAULT false,
    ADD COLUMN is_analyzed boolean NOT NULL DEFAULT false;
  ALTER TABLE pgtrek.table_index ADD COLUMN IF NOT EXISTS bytes bigint NOT NULL DEFAULT 0;
  ALTER TABLE pgtrek.foreign_key
    ADD COLUMN IF NOT EXISTS referenced int NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS violations_sql text,
    ADD COLUMN IF NOT EXISTS comment text;
  ALTER TABLE pgtrek.copied ADD COLUMN part int NOT NULL DEFAULT 0;
  ALTER TABLE pgtrek.copied DROP CONSTRAINT copied_pkey;
  ALTER TABLE pgtrek.copied ADD PRIMARY KEY (owner, lane, relation, part);
  UPDATE pgtrek.relation r
  SET root = CASE WHEN r.is_partition THEN 0 ELSE r.id END,
    lane = CASE WHEN r.kind IN ('r', 'p') THEN l.lane END,
    is_indexed = coalesce(l.status IN ('applying', 'stopped'), false),
    is_analyzed = coalesce(l.status IN ('applying', 'stopped'), false)
  FROM pgtrek.relation same
    LEFT JOIN pgtrek.lane l ON l.owner = same.owner AND l.status <> 'dropped'
  WHERE same.owner = r.owner AND same.id = r.id`;

/**
 * A ledger that an older version made gets the tables and columns that it lacks. One look, and only where needed more:
 * the lock waits for copies, and others wait behind it. Without a ledger there is nothing to do.
 */
export async function upgradeLedger(target: Session): Promise<void> {
  if (!(await lacksColumns(target))) return;
  await target.transaction(async () => {
    await target.query(LOCK_SQL);
    await upgradeLocked(target);
  });
}

async function lacksColumns(target: Session): Promise<boolean> {
  return (await target.one<{ lacks: boolean }>(LACKS_SQL)).lacks;
}

/** Under the lock of all migrations: another session may have done it meanwhile. */
async function upgradeLocked(target: Session): Promise<void> {
  if (!(await lacksColumns(target))) return;
  await target.query(`SET LOCAL lock_timeout = '5s'`);
  await target.query(UPGRADE_SQL);
  await target.query(TABLES_SQL);
}

/** The comment by which schema pgtrek is known as ours: only then is it ever dropped. */
export const SCHEMA_COMMENT = 'pgtrek: journals and ledgers of migrations';

/** Under the lock of all migrations; a schema of this name that others made is not taken. */
async function createSchema(session: Session): Promise<void> {
  const [existing] = await session.query<{ comment: string | null }>(
    `SELECT obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = 'pgtrek'`,
  );
  if (!existing) {
    await session.query('CREATE /* pgtrek: create-schema */ SCHEMA pgtrek');
    await session.query(`COMMENT ON SCHEMA pgtrek IS '${SCHEMA_COMMENT}'`);
  } else if (existing.comment !== SCHEMA_COMMENT) {
    throw new PgtrekError(
      'LEFTOVER_OBJECTS',
      `The ${session.endpoint.end} has a schema pgtrek that pgtrek did not make.`,
      { object: 'pgtrek', remedy: 'ALTER SCHEMA pgtrek RENAME TO something_else; then retry.' },
    );
  }
}

/** Schema pgtrek on an end that has no ledger. */
export async function ensureSchema(session: Session): Promise<void> {
  await session.query(LOCK_SQL);
  await createSchema(session);
}

/** Before the dump stage, after the end, and on the source there is none. */
export async function hasLedger(session: Session): Promise<boolean> {
  const { found } = await session.one<{ found: boolean }>(
    `SELECT /* pgtrek: find ledger */ to_regclass('pgtrek.migration') IS NOT NULL AS found`,
  );
  return found;
}

/** Tables of the ledger; each has a column owner. */
const LEDGER_TABLES_SQL = `
  SELECT c.relname AS name
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'owner' AND NOT a.attisdropped
  WHERE c.relnamespace = to_regnamespace('pgtrek') AND c.relkind = 'r'
    AND c.relname NOT LIKE 'pgtrek\\_%'
  ORDER BY c.relname = 'migration', c.relname`;

/** Deletes the owner's rows, the migration's own last: until then a retry still knows what is there. */
export async function clearLedger(target: Session, owner: string): Promise<void> {
  const tables = await target.query<{ name: string }>(LEDGER_TABLES_SQL);
  await target.transaction(async () => {
    await target.query(LOCK_SQL);
    for (const { name } of tables) await target.query(`DELETE FROM pgtrek.${name} WHERE owner = $1`, [owner]);
  });
}

const SCHEMA_IN_USE_SQL = `
  SELECT coalesce(obj_description(to_regnamespace('pgtrek'), 'pg_namespace') = $1, false) AS is_ours,
    to_regclass('pgtrek.migration') IS NOT NULL AS has_ledger,
    to_regclass('pgtrek.fix') IS NOT NULL AS has_fixes,
    EXISTS (
      SELECT FROM pg_class WHERE relnamespace = to_regnamespace('pgtrek') AND relname ~ '^pgtrek_.*_[0-9]+$'
    ) AS has_journals`;

/** Drops schema pgtrek, if it is ours, once no migration uses it any more; on either end. */
export async function dropSchemaIfUnused(session: Session): Promise<void> {
  await session.transaction(async () => {
    await session.query(LOCK_SQL);
    const { is_ours, has_ledger, has_fixes, has_journals } = await session.one<{
      is_ours: boolean;
      has_ledger: boolean;
      has_fixes: boolean;
      has_journals: boolean;
    }>(SCHEMA_IN_USE_SQL, [SCHEMA_COMMENT]);
    if (!is_ours || has_journals) return;
    if (has_ledger && (await session.query('SELECT FROM pgtrek.migration LIMIT 1')).length > 0) return;
    if (has_fixes && (await session.query('SELECT FROM pgtrek.fix LIMIT 1')).length > 0) return;
    await session.query('DROP /* pgtrek: drop-schema */ SCHEMA IF EXISTS pgtrek CASCADE');
  });
}
