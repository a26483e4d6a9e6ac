/** What the command line does without Temporal, with the passwords of its own environment. */
import { tmpdir } from 'node:os';
import { checkHooks, resolveServers } from '../activities/index.js';
import type { Spec, SpecInput } from '../contract/spec.js';
import { parseSpec } from '../contract/spec.js';
import type { Validation } from '../contract/findings.js';
import type { Verification } from '../contract/verification.js';
import type { Servers } from '../postgres/endpoint.js';
import { findOrphans, removeOrphan } from '../postgres/orphans.js';
import type { Orphan } from '../postgres/orphans.js';
import { validateServers } from '../postgres/validate/index.js';
import { verifyContent } from '../postgres/verify/verify-content.js';
import type { VerifyAsked } from '../postgres/verify/verify-content.js';
import { resolveSecret } from './secrets.js';

async function openSpec(input: SpecInput): Promise<{ spec: Spec; servers: Servers }> {
  const spec = parseSpec(input);
  return { spec, servers: await resolveServers({ resolveSecret }, spec, []) };
}

/** Every check that the spec's mode needs; changes nothing. */
export async function validateHere(input: SpecInput): Promise<Validation> {
  const { spec, servers } = await openSpec(input);
  const { findings, estimates } = await validateServers({ spec, servers, owner: undefined });
  const ofHooks = await checkHooks({ resolveSecret, hooksDir: process.env.PGTREK_HOOKS }, spec);
  return { findings: [...findings, ...ofHooks], estimates };
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
  { isLive, remove }: { isLive: (owner: string) => Promise<boolean>; remove: boolean },
): Promise<(Orphan & { removed?: boolean })[]> {
  const { spec, servers } = await openSpec(input);
  const orphans = await findOrphans({ servers, isLive, names: [spec.name] });
  if (!remove) return orphans;
  const removed = [];
  for (const orphan of orphans) {
    await removeOrphan(servers, orphan);
    removed.push({ ...orphan, removed: true });
  }
  return removed;
}
