/** Temporal's Web UI as a person sees it: a page of a real browser. */
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import type { Locator, Page } from 'playwright-core';
import { findChromium } from '../../dev/setup/find-chromium.mjs';
import type { World } from './world.js';

export type Tab = 'History' | 'Pending Activities' | 'User Metadata' | 'Memo';

type Part = 'Summary' | 'Details' | 'Current Details';

export interface WebUi {
  page: Page;
  /** By its link in the list of workflows. */
  openMigration: (name: string) => Promise<void>;
  openTab: (tab: Tab) => Promise<void>;
  /** One part of tab User Metadata, which shows each in a frame. */
  metadata: (part: Part) => Locator;
  /** What of it can be read only by scrolling in its frame. */
  hiddenTexts: (part: Part) => Promise<string[]>;
  /** More Actions, Send a Signal: the name from the list, the input typed. */
  sendSignal: (name: string, input?: string) => Promise<void>;
  /** Looks at the page; a failure names the screenshot of what was seen instead. */
  look: (what: string, at: () => Promise<void>) => Promise<void>;
  close: () => Promise<void>;
}

/** On a busy machine a page takes some seconds. */
const DEADLINE_MS = 15_000;

export async function openWebUi(world: World): Promise<WebUi> {
  const executablePath = findChromium();
  if (executablePath === undefined || world.temporal.uiUrl === undefined)
    throw new Error('no Chromium, or no Web UI: run `npm run setup`');
  const { uiUrl, namespace } = world.temporal;
  const browser = await chromium.launch({ executablePath });
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(DEADLINE_MS);
  return {
    page,
    async openMigration(name) {
      await page.goto(`${uiUrl}/namespaces/${namespace}/workflows`);
      await page
        .getByRole('link', { name: `pgtrek-${name}`, exact: true })
        .first()
        .click();
      await page.getByRole('heading', { name: `pgtrek-${name}`, exact: true }).waitFor();
    },
    openTab: (tab) => page.getByRole('tab', { name: tab }).click(),
    metadata: (part) => frameOf(page, part).contentFrame().locator('body'),
    hiddenTexts: (part) => hiddenTexts(frameOf(page, part)),
    sendSignal: (name, input) => sendSignal(page, name, input),
    look: (what, at) => look(page, what, at),
    close: () => browser.close(),
  };
}

function frameOf(page: Page, part: Part): Locator {
  return page.getByRole('heading', { name: part, exact: true }).locator('xpath=following::iframe[1]');
}

async function hiddenTexts(frame: Locator): Promise<string[]> {
  const texts = await frame.contentFrame().locator('p, li').filter({ hasText: /\S/ }).all();
  const end = await bottomOf(frame);
  const bottoms = await Promise.all(texts.map(bottomOf));
  return Promise.all(texts.filter((_, n) => (bottoms[n] ?? 0) > end).map((text) => text.innerText()));
}

async function bottomOf(locator: Locator): Promise<number> {
  const box = await locator.boundingBox();
  return box === null ? Infinity : box.y + box.height;
}

async function sendSignal(page: Page, name: string, input?: string): Promise<void> {
  await page.getByRole('button', { name: 'More Actions' }).click();
  await page.getByRole('menuitem', { name: 'Send a Signal' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Send a Signal' });
  await dialog.getByRole('button', { name: 'Select a signal' }).click();
  // Its description stands below the name.
  await dialog.getByRole('option', { name: new RegExp(`^${name}\\b`) }).click();
  if (input !== undefined) {
    const data = dialog.getByRole('textbox', { disabled: false }).last();
    await data.fill(input);
    // Left, it lays the JSON out anew and moves the button below it.
    await data.blur();
  }
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await dialog.waitFor({ state: 'hidden' });
}

/** Every look is kept in the folder PGTREK_SCREENSHOTS, if it is set; otherwise only one that failed. */
async function look(page: Page, what: string, at: () => Promise<void>): Promise<void> {
  const kept = process.env.PGTREK_SCREENSHOTS;
  try {
    await at();
    if (kept) await takeScreenshot(page, kept, what);
  } catch (error) {
    const file = await takeScreenshot(page, kept ?? path.join(tmpdir(), 'pgtrek-screenshots'), what);
    throw new Error(`${what}: see ${file}`, { cause: error });
  }
}

async function takeScreenshot(page: Page, folder: string, what: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${what.replaceAll(/[^a-z]+/gi, '-')}.png`);
  await page.screenshot({ path: file });
  return file;
}
