import { DemoAccount } from '../../src/ops/demo-account.service';
import { inspect } from '../support/browser';
import { describeInBrowser } from '../support/chromium';
import { startGateway, type Gateway } from '../support/gateway';
import { button, heading, signInToDemo, visitors } from '../support/portal-browser';

describeInBrowser('signing in to the portal', () => {
  let gateway: Gateway;
  const { visitor } = visitors(() => gateway.origin);

  beforeAll(async () => {
    gateway = await startGateway({ env: { NODE_ENV: 'development' } });
    await gateway.app.get(DemoAccount).ensure(gateway.origin);
  });
  afterAll(() => gateway.close());

  test('asks who one is, is readable to everybody, and says what was wrong', async () => {
    const page = await visitor();
    await page.goto('/portal');
    await inspect(page, 'sign-in');
    await page.getByLabel('E-mail').fill('demo@example.com');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The e-mail or the password is wrong.').waitFor();
    expect(await page.getByLabel('E-mail').inputValue()).toBe('demo@example.com');
  });

  test('in development one click signs in to the demo account, and out again', async () => {
    const page = await visitor();
    await signInToDemo(page);
    await inspect(page, 'overview');
    await button(page, 'Sign out').click();
    await heading(page, 'Sign in');
    await page.goto('/portal');
    await heading(page, 'Sign in');
  });

  test('leads back to the page that was asked for', async () => {
    const page = await visitor();
    await signInToDemo(page, '/portal?from=a-mail');
    expect(page.url()).toBe(`${gateway.origin}/portal?from=a-mail`);
  });

  test('works without scripts, and keeps the colours that were chosen', async () => {
    const page = await visitor({ javaScriptEnabled: false });
    await signInToDemo(page);
    await button(page, 'Dark').click();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    expect(await button(page, 'Dark').getAttribute('aria-pressed')).toBe('true');
  });

  test('the keyboard alone is enough: skip link, focus that shows, sign-out', async () => {
    const page = await visitor();
    await page.goto('/portal');
    await button(page, 'Sign in to the demo account').press('Enter');
    await heading(page, 'Overview');
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    expect(await focused.textContent()).toBe('Skip to content');
    expect(await focused.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe('solid');
    await page.keyboard.press('Enter');
    expect(await focused.getAttribute('id')).toBe('content');
  });
});
