import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isExecutable } from './is-executable.mjs';

const BINARY = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** The folder that set-up puts binaries into. */
export function binaryCacheFolder() {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'pgtrek', 'bin');
}

export function cachedTemporal() {
  return join(binaryCacheFolder(), BINARY);
}

/**
 * The `temporal` command, from PATH or else from our cache folder.
 * @returns {string | undefined}
 */
export function findTemporal() {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return [...onPath.map((folder) => join(folder, BINARY)), cachedTemporal()].find(isExecutable);
}
