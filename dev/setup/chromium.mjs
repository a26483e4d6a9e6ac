import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CannotGoOn } from './cannot-go-on.mjs';
import { findChromium } from './find-chromium.mjs';

// 170 MB over a slow line.
const INSTALL_DEADLINE_MS = 15 * 60_000;

/** Finds a Chromium or lets Playwright install its own. */
export function checkChromium() {
  return findChromium() ?? installChromium() ?? cannotGet();
}

function installChromium() {
  console.log('setup: Chromium: playwright-core install chromium …');
  const command = join(dirname(createRequire(import.meta.url).resolve('playwright-core')), 'cli.js');
  const libraries = canInstallLibraries() ? ['--with-deps'] : [];
  const args = ['install', '--no-shell', ...libraries, 'chromium'];
  const { status } = spawnSync(process.execPath, [command, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  return status === 0 ? findChromium() : undefined;
}

/** The system's libraries that it needs are not ours to bring for anybody but root. */
function canInstallLibraries() {
  return process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** @returns {never} */
export function cannotGet() {
  const how =
    process.platform === 'darwin'
      ? 'run `brew install --cask chromium`'
      : existsSync('/usr/bin/apt-get')
        ? 'run `sudo apt-get update && sudo apt-get install -y chromium`'
        : 'install Chromium or Google Chrome';
  throw new CannotGoOn(
    `no Chromium, and Playwright could not download one: ${how}, or set PGTREK_CHROMIUM to its binary`,
  );
}
