import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const ELSEWHERE = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** A real Chromium: the one that `CHROMIUM_PATH` names, else Playwright's own, else the system's. */
export function findChromium(): string | undefined {
  const named = process.env.CHROMIUM_PATH;
  if (named) return named;
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [chromium.executablePath(), ...onPath, ...ELSEWHERE].find((path) => existsSync(path));
}

/**
 * `describe` for tests that need a browser: without one they are left out, and that is said in one line, unless
 * `REQUIRE_BROWSER` is set.
 */
export function describeInBrowser(name: string, tests: () => void): void {
  if (findChromium() !== undefined || process.env.REQUIRE_BROWSER) return describe(name, tests);
  process.stderr.write(`Left out, for there is no Chromium (CHROMIUM_PATH names one): ${name}\n`);
  describe.skip(name, tests);
}
