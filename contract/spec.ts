/** What a caller asks for. `SpecInput` is what is written, `Spec` is what it means with every default filled in. */
import { z } from 'zod';
import { PgtrekError } from './errors.js';
import { NOTABLE_KINDS } from './event-kinds.js';
import { DEFAULT_TASK_QUEUE, NAME_PATTERN } from './names.js';
import { MAX_INDEX_JOBS, MAX_JOBS } from './parse-message.js';
import { bytesOf, isIsoTime, isLsn, millisecondsOf } from './values.js';

/** Each needs a slot, a walsender and workers of its own. */
const MAX_LANES = 16;

const MAX_HOOK_MS = 10 * 60_000;

const password = z
  .union(
    [
      z.strictObject({ env: z.string().min(1) }),
      z.strictObject({ file: z.string().min(1) }),
      z.strictObject({ awsSecret: z.string().min(1) }),
      z.strictObject({ rdsIam: z.literal(true) }),
    ],
    { error: 'must be a reference, { env: NAME } or { file: path }, and never the password itself' },
  )
  .describe(
    'A reference, resolved on the worker: { env: NAME } or { file: path }. Never the password itself.',
  );

const tls = z.strictObject({
  mode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']).default('verify-full'),
  rootCert: z.string().min(1).optional().describe('Path of a PEM file of certificate authorities.'),
});

const connection = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65535).default(5432),
  database: z.string().min(1),
  user: z.string().min(1),
  password: password.optional(),
  tls: tls.default({ mode: 'verify-full' }),
});

const replication = z
  .strictObject({
    host: z.string().min(1).optional(),
    port: z.int().min(1).max(65535).optional(),
    user: z.string().min(1).optional(),
    password: password.optional(),
    tls: tls.optional(),
  })
  .default({});

const source = connection.extend({
  replication: replication.describe(
    'How the target server reaches the source; default: the source’s own values.',
  ),
});

const target = connection.extend({
  replication: replication.describe(
    'For cutover.reverse: how the source server reaches the target; default: the target’s own values.',
  ),
});

const size = z
  .string()
  .refine((text) => (bytesOf(text) ?? 0) > 0, 'must be a number of kB, MB, GB or TB, such as 256MB');

const span = z
  .string()
  .refine((text) => (millisecondsOf(text) ?? 0) > 0, 'must be a span such as 500ms, 5s or 2min');

const patterns = z.array(z.string().min(1)).default([]);

const select = z.strictObject({
  include: patterns.describe('Tables, views, sequences to take, in pg_dump’s pattern syntax; empty: all.'),
  exclude: patterns.describe('What to leave out, in the same syntax: audit.* or *.temp_?'),
  excludeData: patterns.describe('Tables whose definition is taken and whose rows are not.'),
  columns: z
    .record(z.string().min(1), z.array(z.string().min(1)).min(1))
    .default({})
    .describe(
      'Of these tables (schema.table) only these columns; to replicate, the source must be 15 or newer.',
    ),
  rows: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe(
      'Of these tables (schema.table) only rows for which the condition holds; to replicate, the source must be 15 or newer.',
    ),
  largeObjects: z
    .enum(['copy', 'block', 'skip'])
    .optional()
    .describe(
      'Large objects: copy them, block when there are any, or leave them behind. Default: copy in mode full-load; block otherwise, as their changes are not replicated.',
    ),
});

const stop = z
  .strictObject({
    at: z
      .string()
      .refine(isIsoTime, 'must be a time with a time zone, such as 2026-12-01T02:00:00Z')
      .optional(),
    lsn: z
      .string()
      .refine(isLsn, 'must look like 16/B374D848')
      .optional()
      .describe('A position in the source’s log that it has not reached yet.'),
    now: z.literal(true).optional(),
    never: z.literal(true).optional(),
    then: z.enum(['finish', 'wait']).default('finish'),
  })
  .refine(({ at, lsn, now, never }) => [at, lsn, now, never].filter((v) => v !== undefined).length <= 1, {
    message: 'give at most one of at, lsn, now, never',
  });

const start = z
  .union(
    [
      z.literal('now'),
      z.strictObject({
        slot: z.string().min(1),
        publication: z.string().min(1),
        lsn: z.string().refine(isLsn, 'must look like 16/B374D848').optional(),
      }),
    ],
    { error: 'must be now, or { slot, publication } of the source, with an lsn or without' },
  )
  .default('now')
  .describe('Mode cdc: from where changes are brought; an existing slot may be moved on to an lsn first.');

/** What is told next waits for it. */
const hookSpan = span.refine(
  (text) => (millisecondsOf(text) ?? 0) <= MAX_HOOK_MS,
  'must not be longer than 10min',
);

/** A folder or a leading dash in it could lead out of the folder of hooks, or be taken for an option. */
const PROGRAM_PATTERN = /^\w[\w.+-]*$/;

const command = z.strictObject({
  run: z
    .tuple([z.string().regex(PROGRAM_PATTERN, 'must be a plain name, without a folder')], z.string())
    .describe('A program of the folder that the worker’s PGTREK_HOOKS names, and its arguments.'),
  timeout: hookSpan.default('10s').describe('How long it may run.'),
});

const notify = z
  .strictObject({
    webhook: z
      .strictObject({
        url: z
          .string()
          .refine(isWebhookUrl, 'must be an http or https address, without user and password in it')
          .describe('Where events are sent by POST, as JSON.'),
        secret: password.optional().describe('Signs what is sent: { env: NAME } or { file: path }.'),
        timeout: hookSpan.default('10s').describe('How long an answer may take.'),
      })
      .optional(),
    command: command.optional(),
    events: z
      .array(z.string().min(1))
      .min(1)
      .default([...NOTABLE_KINDS])
      .describe('Kinds of events that are told; * stands for anything.'),
  })
  .refine(({ webhook, command }) => webhook !== undefined || command !== undefined, {
    message: 'give a webhook, a command, or both',
  });

function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

const cutoverHook = z.union(
  [
    z.strictObject({ command }),
    z.strictObject({
      http: z.strictObject({
        url: z
          .string()
          .refine(isWebhookUrl, 'must be an http or https address, without user and password in it'),
        secret: password.optional().describe('Signs what is sent.'),
        timeout: hookSpan.default('5s'),
        retries: z.int().min(0).max(10).default(2).describe('The receiver must take the same call twice.'),
      }),
    }),
    z.strictObject({
      pgbouncer: z.strictObject({
        host: z.string().min(1),
        port: z.int().min(1).max(65535).default(6432),
        user: z.string().min(1).describe('Of its admin_users.'),
        password: password.optional(),
        tls: tls.default({ mode: 'verify-full' }),
        database: z.string().min(1).describe('As its clients name it.'),
        retarget: command.describe(
          'Points the database at the new primary in PgBouncer’s files, and takes back: it gets the moment as its last argument.',
        ),
        timeout: hookSpan.default('10s').describe('How long PAUSE, RELOAD and RESUME may take, each.'),
      }),
    }),
  ],
  { error: 'must have exactly one of command, http, pgbouncer' },
);

const cutover = z.strictObject({
  fence: z
    .enum(['lock', 'read-only', 'external'])
    .default('lock')
    .describe(
      'What keeps writers off the source. lock: they wait; read-only: sessions are ended, and new ones can only read; external: you have stopped them, and it is proved.',
    ),
  maxPause: span
    .default('5s')
    .describe('Writers wait at most this long; when it passes before the decision, the cutover is undone.'),
  reverse: z
    .boolean()
    .default(false)
    .describe('Afterwards changes flow from the target to the source, so that a rollback loses nothing.'),
  denyLogin: z
    .array(z.string().min(1))
    .default([])
    .describe('Roles that may not log in to the old primary any more, in the whole cluster.'),
  hooks: z
    .array(cutoverHook)
    .max(10)
    .default([])
    .describe('Called in this order: before the fence, to open the target, and when a cutover is undone.'),
});

const validate = z.strictObject({
  rehearse: z
    .boolean()
    .default(false)
    .describe('Restores the schema into a database of its own on the target, and drops it.'),
  allowOlderTarget: z
    .boolean()
    .default(false)
    .describe('The target may be of an older major than the source; without it, that blocks.'),
  checkTimeout: span.default('10s').describe('Each statement of a check is given up after that.'),
});

const verify = z.strictObject({
  content: z
    .boolean()
    .default(false)
    .describe('Before a cutover all rows are compared while changes flow; a difference refuses it.'),
  jobs: z.int().min(1).max(MAX_JOBS).default(2).describe('Chunks compared at the same time.'),
  chunkSize: size.default('64MB').describe('Of a table, about as much as one statement reads.'),
  bytesPerSecond: size.optional().describe('At most so many bytes are read a second, on each end.'),
});

export const specSchema = z.strictObject({
  name: z.string().regex(NAME_PATTERN, 'must match ^[a-z][a-z0-9-]{0,30}$'),
  mode: z.enum(['full-load', 'full-load-and-cdc', 'cdc']).default('full-load-and-cdc'),
  taskQueue: z.string().min(1).default(DEFAULT_TASK_QUEUE),
  source,
  target,
  select: select.prefault({}),
  schema: z
    .strictObject({
      owners: z
        .enum(['keep', 'skip'])
        .default('keep')
        .describe('Owners of objects; skip: all belong to target.user.'),
      privileges: z.enum(['keep', 'skip']).default('keep').describe('GRANTs and default privileges.'),
    })
    .prefault({}),
  load: z
    .strictObject({
      method: z.enum(['stream', 'dump', 'native']).default('stream'),
      jobs: z.int().min(1).max(MAX_JOBS).default(4).describe('Tables copied at the same time.'),
      indexJobs: z
        .int()
        .min(1)
        .max(MAX_INDEX_JOBS)
        .default(2)
        .describe('Tables whose indexes are built at the same time.'),
      maintenanceWorkMem: z
        .string()
        .regex(/^\d+(kB|MB|GB)$/)
        .default('256MB')
        .describe('Memory of one index build on the target.'),
      splitSize: size
        .default('1GB')
        .describe(
          'Tables above this size (with TOAST), or above one job’s share of the whole, are copied in parts of about this size.',
        ),
      bytesPerSecond: size
        .optional()
        .describe('At most so many bytes of rows a second, over all jobs together.'),
      foreignKeyViolations: z
        .enum(['report', 'block'])
        .default('report')
        .describe(
          'A foreign key that the data of the source breaks: stays NOT VALID and is reported, or blocks.',
        ),
      compression: z
        .enum(['auto', 'none', 'gzip', 'lz4', 'zstd'])
        .default('auto')
        .describe('Method dump: of the files; auto is lz4 where pg_dump has it, else gzip.'),
      slotTimeout: z
        .int()
        .min(1)
        .default(120)
        .describe('Seconds to wait for open transactions of the source when the slot is made.'),
    })
    .prefault({}),
  cdc: z
    .strictObject({
      start,
      stop: stop.prefault({}),
      lanes: z
        .int()
        .min(1)
        .max(MAX_LANES)
        .default(1)
        .describe(
          'So many subscriptions apply changes side by side; tables that foreign keys join stay together.',
        ),
      walBudget: size
        .optional()
        .describe(
          'WAL that our slots may hold back on the source, all together; 50 % and 80 % of it are told.',
        ),
      onWalBudget: z
        .enum(['alert', 'pause', 'release'])
        .default('alert')
        .describe(
          'When the budget is used up: only tell; pause the load; or drop the slot that holds back the most, whose tables are then loaded again after retry.',
        ),
      onSchemaChange: z
        .enum(['pause', 'restart', 'adopt'])
        .default('pause')
        .describe(
          'When the source’s schema changes: the lanes stop and wait; the migration asks for consent and begins again; or the change is brought over.',
        ),
      alerts: z
        .strictObject({
          lag: span.default('5min').describe('Delay from source to target that is told.'),
          openTransaction: span
            .default('60min')
            .describe('Age of a transaction of the source that holds back a slot, from which it is told.'),
        })
        .prefault({}),
    })
    .prefault({}),
  cutover: cutover.prefault({}),
  validate: validate.prefault({}),
  verify: verify.prefault({}),
  notify: notify.optional().describe('Tells other systems what happens.'),
});

export type SpecInput = z.input<typeof specSchema>;
export type Spec = z.output<typeof specSchema>;
export type ConnectionSpec = Spec['target'];
export type PasswordReference = z.output<typeof password>;
export type CutoverHook = Spec['cutover']['hooks'][number];

/** Checks and completes a spec. Throws SPEC_INVALID with every fault and its path, NOT_BUILT_YET for what is to come. */
export function parseSpec(input: unknown): Spec {
  const result = specSchema.safeParse(input ?? {});
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join('.') || 'spec'}: ${issue.message}`);
    throw new PgtrekError('SPEC_INVALID', `The spec is not valid.\n  ${faults.join('\n  ')}`, {
      remedy: 'Correct these fields; docs/spec.md lists all of them.',
    });
  }
  refuseContradictions(result.data);
  refuseUnbuilt(result.data);
  return result.data;
}

/** Fields that are right each for itself, and mean nothing together. */
function refuseContradictions({ mode, load, cdc }: Spec): void {
  const faults = [
    mode === 'full-load' &&
      load.method === 'native' &&
      'load.method: native copies by replication, so it needs mode full-load-and-cdc; use stream or dump',
    mode !== 'cdc' &&
      cdc.start !== 'now' &&
      'cdc.start: an existing slot is for mode cdc; a load makes its own, to fit its snapshot',
    mode === 'cdc' &&
      cdc.onSchemaChange !== 'pause' &&
      `cdc.onSchemaChange: ${cdc.onSchemaChange} loads tables again, and mode cdc loads nothing; use pause`,
    load.method !== 'stream' &&
      cdc.onSchemaChange === 'adopt' &&
      'cdc.onSchemaChange: adopt loads single tables again, which load.method stream alone does; use pause or restart',
    cdc.start !== 'now' &&
      cdc.lanes > 1 &&
      'cdc.lanes: an existing slot is one lane; leave out cdc.lanes, or begin with cdc.start now',
  ].filter((fault) => typeof fault === 'string');
  if (faults.length === 0) return;
  throw new PgtrekError('SPEC_INVALID', `The spec is not valid.\n  ${faults.join('\n  ')}`, {
    remedy: 'Correct these fields; docs/spec.md lists all of them.',
  });
}

function refuseUnbuilt(spec: Spec): void {
  const unbuilt = [
    spec.mode === 'full-load-and-cdc' &&
      spec.load.method === 'dump' &&
      'load.method: dump with full-load-and-cdc',
    ...[
      spec.source.password,
      spec.target.password,
      spec.source.replication.password,
      spec.target.replication.password,
      spec.notify?.webhook?.secret,
      ...spec.cutover.hooks.map(secretOf),
    ].map((reference) => reference && unbuiltPassword(reference)),
  ].filter((what) => typeof what === 'string');
  if (unbuilt.length > 0) {
    throw new PgtrekError('NOT_BUILT_YET', `This version of pgtrek does not do: ${unbuilt.join(', ')}.`, {
      remedy: 'Leave it out, or use a later version.',
    });
  }
}

function secretOf(hook: CutoverHook): PasswordReference | undefined {
  if ('http' in hook) return hook.http.secret;
  if ('pgbouncer' in hook) return hook.pgbouncer.password;
  return undefined;
}

function unbuiltPassword(reference: PasswordReference): string | undefined {
  if ('awsSecret' in reference) return 'a password by awsSecret (use env or file)';
  if ('rdsIam' in reference) return 'a password by rdsIam (use env or file)';
  return undefined;
}

/** JSON Schema of `SpecInput`, for editors. */
export function specJsonSchema(): unknown {
  return z.toJSONSchema(specSchema, { io: 'input' });
}
