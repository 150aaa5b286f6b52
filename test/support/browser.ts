import axe from 'axe-core';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { findChromium } from './chromium';

const SCREENSHOTS = join(__dirname, '..', '..', 'docs', 'portal');
const MAX_SCREENSHOT_BYTES = 200 * 1024;
const WIDE = { width: 1200, height: 800 };
const NARROW = { width: 375, height: 812 };
/** Each with the end of its screenshot's name, where one is kept. */
const LOOKS = [
  ['light', WIDE, ''],
  ['dark', WIDE, null],
  ['light', NARROW, null],
  ['dark', NARROW, '-narrow'],
] as const;

export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('There is no Chromium, and REQUIRE_BROWSER is set');
  // As root, as in most containers, Chromium has no sandbox.
  return chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--force-color-profile=srgb'],
  });
}

/**
 * Looks at the page that is open as four people do: in light and in dark, wide and narrow. Accessibility faults of
 * weight, anything wider than the screen, and what the content security policy refused, fail the test.
 *
 * @param name of the screenshots in docs/portal, which `UPDATE_SCREENSHOTS=1` makes anew
 */
export async function inspect(page: Page, name: string): Promise<void> {
  const faults: string[] = [];
  for (const [colorScheme, viewport, suffix] of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize(viewport);
    const looked = `${name}, ${colorScheme}, ${viewport.width} px`;
    faults.push(...(await accessibilityFaults(page)).map((fault) => `${looked}: ${fault}`));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (overflow > 0) faults.push(`${looked}: ${overflow} px wider than the screen`);
    if (suffix !== null) await screenshot(page, name + suffix, viewport === WIDE);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(WIDE);
  expect(faults).toEqual([]);
}

async function accessibilityFaults(page: Page): Promise<string[]> {
  // By way of the debugger, which the content security policy does not bind.
  await page.evaluate(`${axe.source}; undefined`);
  const results = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical' || impact === 'moderate')
    .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}

async function screenshot(page: Page, name: string, fullPage: boolean): Promise<void> {
  const image = await page.screenshot({ fullPage });
  expect(image.length).toBeLessThanOrEqual(MAX_SCREENSHOT_BYTES);
  const path = join(SCREENSHOTS, `${name}.png`);
  if (process.env.UPDATE_SCREENSHOTS) {
    mkdirSync(SCREENSHOTS, { recursive: true });
    writeFileSync(path, image);
  }
  expect({ [path]: existsSync(path) }).toEqual({ [path]: true });
}

/** Notes whatever a page does wrong by itself: errors of scripts, refusals of the content security policy. */
export function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.setDefaultTimeout(120_000);
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/the server responded with a status of 4\d\d/.test(message.text())) {
      faults.push(message.text());
    }
  });
  return faults;
}
