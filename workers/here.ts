/** What the command line does without Temporal, with the passwords of its own environment. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkHooks, resolveServers } from '../activities/index.js';
import type { Spec, SpecInput } from '../contract/spec.js';
import { parseSpec } from '../contract/spec.js';
import type { Finding, Fix, Validation } from '../contract/findings.js';
import { bothAnswer } from '../contract/findings.js';
import type { Verification } from '../contract/verification.js';
import type { Servers } from '../postgres/endpoint.js';
import { runFixes } from '../postgres/fixes/run-fix.js';
import type { FixOutcome } from '../postgres/fixes/run-fix.js';
import { findOrphans, removeOrphan } from '../postgres/orphans.js';
import type { FindOrphansInput, Orphan } from '../postgres/orphans.js';
import { purposeOf } from '../postgres/purpose.js';
import { withSession } from '../postgres/session.js';
import type { Session } from '../postgres/session.js';
import { validateServers } from '../postgres/validate/index.js';
import { notRehearsed, rehearse as rehearseRestore } from '../postgres/validate/rehearse.js';
import { verifyContent } from '../postgres/verify/verify-content.js';
import type { VerifyAsked } from '../postgres/verify/verify-content.js';
import { resolveSecret } from './secrets.js';

async function openSpec(input: SpecInput): Promise<{ spec: Spec; servers: Servers }> {
  const spec = parseSpec(input);
  return { spec, servers: await resolveServers({ resolveSecret }, spec, []) };
}

/** Every check that the spec's mode needs; changes nothing, but for the database of a rehearsal, which is dropped again. */
export async function validateHere(
  input: SpecInput,
  { rehearse = false }: { rehearse?: boolean } = {},
): Promise<Validation> {
  const { spec, servers } = await openSpec(input);
  const { findings, estimates } = await validateServers({ spec, servers, owner: undefined });
  const ofHooks = await checkHooks({ resolveSecret, hooksDir: process.env.PGTREK_HOOKS }, spec);
  const rehearsed =
    (rehearse || spec.validate.rehearse) && bothAnswer(findings) ? await rehearseHere(spec, servers) : [];
  return { findings: [...findings, ...ofHooks, ...rehearsed], estimates };
}

/** Nobody tries again what may pass by itself: it is told. */
async function rehearseHere(spec: Spec, servers: Servers): Promise<Finding[]> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'pgtrek-'));
  const job = { name: spec.name, owner: `command:${randomUUID()}`, spec, servers, dataDir };
  try {
    return await rehearseRestore(job);
  } catch (error) {
    return [notRehearsed(error)];
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Runs them on the servers that they name, and records them there for the migration's end. */
export async function fixHere(
  input: SpecInput,
  { fixes, by }: { fixes: Fix[]; by: string },
): Promise<FixOutcome[]> {
  const { spec, servers } = await openSpec(input);
  const options = { purpose: purposeOf(spec.name, undefined, 'fix'), observer: servers.observer };
  const outcomes: FixOutcome[] = [];
  for (const end of ['source', 'target'] as const) {
    const here = fixes.filter(({ on }) => on === end);
    if (here.length === 0) continue;
    const run = (session: Session) => runFixes(session, here, { migration: spec.name, by });
    outcomes.push(...(await withSession(servers[end], options, run)));
  }
  return outcomes;
}

/** Compares both databases; what flows between them is known by the target's subscriptions. Writes only what it mends. */
export async function verifyHere(
  input: SpecInput,
  { signal, ...asked }: Omit<VerifyAsked, 'lanes'> & { signal: AbortSignal },
): Promise<Verification> {
  const { spec, servers } = await openSpec(input);
  const job = { name: spec.name, owner: 'verify', spec, servers, signal, dataDir: tmpdir() };
  return verifyContent(job, { ...asked, lanes: [] });
}

/** What the spec's migration has left on both ends when it no longer runs; removed when asked. Others' is not looked at. */
export async function orphansHere(
  input: SpecInput,
  { remove, ...ask }: Pick<FindOrphansInput, 'isLive' | 'isRunning'> & { remove: boolean },
): Promise<(Orphan & { removed?: boolean })[]> {
  const { spec, servers } = await openSpec(input);
  const orphans = await findOrphans({ servers, ...ask, names: [spec.name] });
  if (!remove) return orphans;
  const removed = [];
  for (const orphan of orphans) {
    await removeOrphan(servers, orphan);
    removed.push({ ...orphan, removed: true });
  }
  return removed;
}
