import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { launchBrowser, watchFaults } from './browser';
import { PASSWORD } from './portal';

export interface Visitors {
  /** Somebody at a browser of their own, with nothing open yet. */
  visitor(options?: BrowserContextOptions): Promise<Page>;
  /** The same, signed in with `PASSWORD`. */
  signedIn(email: string, options?: BrowserContextOptions): Promise<Page>;
}

/**
 * Gives the tests around it people at a browser. They leave with the test, and whatever their pages did wrong by themselves
 * fails it.
 *
 * To be called before the hook that closes the portal, so that nobody is left on it then.
 */
export function visitors(origin: () => string): Visitors {
  let browser: Browser;
  let faults: string[][] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    const found = faults.flat();
    faults = [];
    expect(found).toEqual([]);
  });
  afterAll(() => browser.close());

  async function visitor(options?: BrowserContextOptions): Promise<Page> {
    const context = await browser.newContext({ baseURL: origin(), ...options });
    const page = await context.newPage();
    faults.push(watchFaults(page));
    return page;
  }
  return {
    visitor,
    async signedIn(email, options) {
      const page = await visitor(options);
      await signIn(page, email);
      return page;
    },
  };
}

export async function signIn(page: Page, email: string, password = PASSWORD): Promise<void> {
  await page.goto('/portal/sign-in');
  await submitSignIn(page, email, password);
}

/** On the form that is open. */
export async function submitSignIn(page: Page, email: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await button(page, 'Sign in').click();
  await button(page, 'Sign out').waitFor();
}

export async function signInToDemo(page: Page, path = '/portal'): Promise<void> {
  await page.goto(path);
  await button(page, 'Sign in to the demo account').click();
  await heading(page, 'Overview');
}

/** Leaves for another page of the portal as people do, by its link. */
export async function go(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
  await heading(page, name);
}

/** Waits for the page of this name. */
export function heading(page: Page, name: string): Promise<void> {
  return page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
}

export function button(page: Page, name: string): Locator {
  return page.getByRole('button', { name, exact: true });
}
