import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { renderReport } from '../../../cli/report/render-report.js';
import { findChromium } from '../../../dev/setup/find-chromium.mjs';
import { recordedReport } from '../../harness/recorded-report.js';
import { sampleReport } from './sample-report.js';

const WIDTHS = [360, 768, 1_600];
const SCHEMES = ['light', 'dark'] as const;

describe('a report in a browser', async () => {
  const pages = {
    recorded: renderReport(await recordedReport('v0.3/restarted', 'v0.3/after-restart')),
    cutover: renderReport(await recordedReport('v0.3/cutover')),
    everything: renderReport(sampleReport()),
  };
  let browser: Browser;

  before(async () => {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error('no Chromium: run `npm run setup`');
    browser = await chromium.launch({ executablePath });
  });
  after(() => browser.close());

  for (const [name, text] of Object.entries(pages))
    for (const width of WIDTHS)
      for (const colorScheme of SCHEMES)
        it(`can be read ${String(width)} pixels wide, ${colorScheme}: ${name}`, async () => {
          const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
          try {
            const said: string[] = [];
            page.on('console', (message) => said.push(message.text()));
            page.on('pageerror', (error) => said.push(String(error)));
            page.on('request', (request) => said.push(request.url()));
            await page.setContent(text);
            await keep(page, `${name}-${String(width)}-${colorScheme}`);
            assert.deepEqual(await page.evaluate<string[]>(BEYOND), [], 'texts beyond the edge');
            assert.deepEqual(await page.evaluate<string[]>(FAINT), [], 'texts of too little contrast');
            assert.deepEqual(said, []);
          } finally {
            await page.close();
          }
        });
});

/** In the folder PGTREK_SCREENSHOTS, if it is set: for a person to look at. */
async function keep(page: Page, name: string): Promise<void> {
  const folder = process.env.PGTREK_SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `report-${name}.png`), fullPage: true });
}

// As text: these run in the page, whose types are not ours.
const BEYOND = `
  [...document.querySelectorAll('*'), document.documentElement]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 || each === document.documentElement && each.scrollWidth > innerWidth)
    .map((each) => each.tagName + ' ' + each.textContent.trim().slice(0, 60))`;

/** WCAG AA: 4.5 to 1, against the nearest background that is painted. */
const FAINT = `(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, n) => sum + each * [0.2126, 0.7152, 0.0722][n], 0);
  const backgroundOf = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor);
      if ((colour[3] ?? 1) > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [...document.body.querySelectorAll('*')]
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== ''))
    .filter((each) => !each.closest('svg'))
    .map((each) => {
      const [a, b] = [luminance(channels(getComputedStyle(each).color)), luminance(backgroundOf(each))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return contrast < 4.5 ? contrast.toFixed(2) + ' ' + each.tagName + '.' + each.className : '';
    })
    .filter((each) => each !== '');
  return [...new Set(faint)];
})()`;
