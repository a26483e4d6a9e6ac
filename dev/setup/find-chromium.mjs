import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { CannotGoOn } from './cannot-go-on.mjs';
import { isExecutable } from './is-executable.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_APPLICATIONS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/**
 * A Chromium for the tests of the Web UI: PGTREK_CHROMIUM, from PATH, or Playwright's own.
 * @returns {string | undefined}
 */
export function findChromium() {
  const own = process.env['PGTREK_CHROMIUM'];
  if (own) {
    if (isExecutable(own)) return own;
    throw new CannotGoOn(`PGTREK_CHROMIUM names ${own}, which cannot be run`);
  }
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return [
    ...NAMES.flatMap((name) => onPath.map((folder) => join(folder, name))),
    ...MAC_APPLICATIONS,
    ...playwrightChromium(),
  ].find(isExecutable);
}

/** Where Playwright has put its own, or would. */
function playwrightChromium() {
  // Loaded only now: set-up begins before the dependencies are there.
  /** @type {unknown} */
  const playwright = createRequire(import.meta.url)('playwright-core');
  return [/** @type {{ chromium: { executablePath(): string } }} */ (playwright).chromium.executablePath()];
}
