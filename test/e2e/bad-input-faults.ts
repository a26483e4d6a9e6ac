/** What people give us that cannot work, and what validate says of each. */
import type { SpecInput } from '../../client/index.js';
import { query } from '../harness/world.js';
import type { Databases } from '../harness/world.js';

const WRONG = { env: 'WRONG_PASSWORD' };

export interface Fault {
  title: string;
  /** Does the harm on a server, or changes the spec. */
  arrange: (spec: SpecInput, databases: Databases) => SpecInput | Promise<SpecInput>;
  /** What validate says, and how it is mended. */
  says: RegExp;
  remedy: RegExp;
}

export const FAULTS: Fault[] = [
  {
    title: 'a wrong password of the source',
    arrange: (spec) => ({ ...spec, source: { ...spec.source, password: WRONG } }),
    says: /source refused the password of postgres.*28P01/,
    remedy: /Correct source\.user, or what source\.password refers to/,
  },
  {
    title: 'a wrong password of the target',
    arrange: (spec) => ({ ...spec, target: { ...spec.target, password: WRONG } }),
    says: /target refused the password of postgres.*28P01/,
    remedy: /Correct target\.user, or what target\.password refers to/,
  },
  {
    title: 'an unknown host',
    arrange: (spec) => ({ ...spec, source: { ...spec.source, host: 'db1.invalid' } }),
    says: /host name db1\.invalid of the source is not known/,
    remedy: /Correct source\.host/,
  },
  {
    title: 'a port where no server listens',
    arrange: (spec) => ({ ...spec, target: { ...spec.target, port: 1 } }),
    says: /127\.0\.0\.1:1 refuses connections/,
    remedy: /Correct target\.host and target\.port/,
  },
  {
    title: 'a database that the target does not have',
    arrange: (spec) => ({ ...spec, target: { ...spec.target, database: 'nowhere' } }),
    says: /target 127\.0\.0\.1 has no database nowhere/,
    remedy: /CREATE DATABASE nowhere;/,
  },
  {
    title: 'a table without replica identity',
    async arrange(spec, { source }) {
      await query(source, 'CREATE TABLE no_key (a int)');
      return spec;
    },
    says: /no_key/,
    remedy: /ALTER TABLE public\.no_key REPLICA IDENTITY FULL/,
  },
  {
    title: 'a target that is not empty',
    async arrange(spec, { target }) {
      await query(target, 'CREATE TABLE film (a int)');
      return spec;
    },
    says: /TABLE public\.film exists on the target/,
    remedy: /DROP TABLE public\.film CASCADE; -- or use an empty target database/,
  },
  {
    title: 'a pattern that matches nothing',
    arrange: (spec) => ({ ...spec, select: { exclude: ['public.flim'] } }),
    says: /pattern public\.flim in select matches no relation.*public\.film/,
    remedy: /Correct or remove the pattern/,
  },
  {
    title: 'a stop time in the past',
    arrange: (spec) => ({ ...spec, cdc: { stop: { at: '2024-01-01T00:00:00Z' } } }),
    says: /stop lies in the past/,
    remedy: /pgtrek stop .* --at <a later time>/,
  },
  {
    title: 'a source that the target server cannot reach',
    arrange: (spec) => ({ ...spec, source: { ...spec.source, replication: { port: 1 } } }),
    says: /target server cannot reach the source at 127\.0\.0\.1:1/,
    remedy: /Open port 1 of 127\.0\.0\.1 for the target server/,
  },
];
