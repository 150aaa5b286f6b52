import type { Browser, BrowserContext, Page } from 'playwright-core';
import { DemoAccount } from '../../src/ops/demo-account.service';
import { inspect, launchBrowser, watchFaults } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { startGateway, type Gateway } from '../support/gateway';

describeInBrowser('signing in to the portal', () => {
  let gateway: Gateway;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    gateway = await startGateway({ env: { NODE_ENV: 'development' } });
    await gateway.app.get(DemoAccount).ensure(gateway.origin);
    browser = await launchBrowser();
  });
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    faults = watchFaults(page);
  });
  afterEach(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  test('asks who one is, is readable to everybody, and says what was wrong', async () => {
    await page.goto(`${gateway.origin}/portal`);
    await inspect(page, 'sign-in');
    await page.getByLabel('E-mail').fill('demo@example.com');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The e-mail or the password is wrong.').waitFor();
    expect(await page.getByLabel('E-mail').inputValue()).toBe('demo@example.com');
  });

  test('in development one click signs in to the demo account, and out again', async () => {
    await page.goto(`${gateway.origin}/portal`);
    await page.getByRole('button', { name: 'Sign in to the demo account' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await inspect(page, 'overview');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${gateway.origin}/portal`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('leads back to the page that was asked for', async () => {
    await page.goto(`${gateway.origin}/portal?from=a-mail`);
    await page.getByRole('button', { name: 'Sign in to the demo account' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(page.url()).toBe(`${gateway.origin}/portal?from=a-mail`);
  });

  test('works without scripts, and keeps the colours that were chosen', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const bare = await plain.newPage();
    await bare.goto(`${gateway.origin}/portal`);
    await bare.getByRole('button', { name: 'Sign in to the demo account' }).click();
    await bare.getByRole('button', { name: 'Dark' }).click();
    expect(await bare.locator('html').getAttribute('data-theme')).toBe('dark');
    expect(await bare.getByRole('button', { name: 'Dark' }).getAttribute('aria-pressed')).toBe('true');
    await plain.close();
  });

  test('the keyboard alone is enough: skip link, focus that shows, sign-out', async () => {
    await page.goto(`${gateway.origin}/portal`);
    await page.getByRole('button', { name: 'Sign in to the demo account' }).press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    expect(await focused.textContent()).toBe('Skip to content');
    expect(await focused.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe('solid');
    await page.keyboard.press('Enter');
    expect(await focused.getAttribute('id')).toBe('content');
  });
});
