/**
 * What cannot be measured while validating, as docs/performance.md has it: PostgreSQL 15 to 18 on a virtual machine of two
 * cores that served both ends and the worker. Estimates say that they rest on these.
 */

const MB = 1e6;

/** `mixed`, floor: 1.26 GB of tables (with TOAST) were copied in 6.5 s by two jobs. */
export const COPIED_BY_JOB = 95 * MB;

/** `mixed`, floor: 0.36 GB of indexes were built in 5.0 s by two jobs. */
export const INDEXED_BY_JOB = 36 * MB;

/** `mixed`, native-subscription: the same tables, with their indexes, in 34 s by two workers of the server. */
export const COPIED_BY_SERVER = 18 * MB;

/** `mixed`, pgtrek-dump: what its 18.8 s were longer than copying and building. */
export const DUMPED_BY_JOB = 90 * MB;

/** More jobs at the same time were not measured to gain as much again. */
export const JOBS_THAT_GAIN = 4;

/** `apply`: the backlog of 160,000 transactions of pgbench, some 650 bytes of WAL each, in 3.7 s. */
export const APPLIED = 28 * MB;

/** `many`: 10,000 tables took pgtrek 56 s in all; how it is shared out is reckoned. */
export const TABLE_SECONDS = { dump: 0.000_5, restore: 0.001, load: 0.004 } as const;

/** Of a table, from worker to target and back, one after the other: BEGIN, COPY, the ledger, indexes, COMMIT. */
export const TRIPS_OF_TABLE = 8;

/** Of a stage, whatever there is to do. */
export const STAGE_SECONDS = 1;
