import { test } from '@playwright/test';

import { expect, expectAccessible, PATIENT, watchErrors } from './kit';

test.describe.configure(PATIENT);

test.describe('every page', () => {
  test('asks nobody but the server, and breaks no rule of its content security policy', async ({
    page,
    baseURL,
  }) => {
    const errors = watchErrors(page);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) errors.push(message.text());
    });
    const pages = [
      '',
      'p/vision/runs',
      'p/vision/charts',
      'p/vision/compare',
      'p/vision/diary',
      'p/vision/artifacts',
      'settings',
      'search?q=vit',
    ];
    for (const one of pages) {
      await page.goto(one);
      await page.waitForLoadState('load');
      await page.waitForTimeout(500);
    }
    const home = new URL(baseURL ?? '').origin;
    expect(
      asked.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== home),
    ).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('says when the server does not answer, waits, and heals', async ({ page }) => {
    await page.goto('p/vision/runs');
    await expect(page.getByText(/of \d+ runs/).first()).toBeVisible();
    await page.route('**/api/**', (route) => route.abort());
    await page.route('**/health', (route) => route.abort());
    await page.getByRole('link', { name: 'Charts' }).click();
    await expect(page.getByText('The server does not answer; trying again.')).toBeVisible();
    await page.unroute('**/api/**');
    await page.unroute('**/health');
    await expect(page.getByText('The server answers again.')).toBeVisible();
    await expect(page.getByText(/points(,| →)/).first()).toBeVisible();
  });

  test('has a palette that finds and does', async ({ page }) => {
    await page.goto('p/vision/runs');
    await page.keyboard.press('Control+k');
    const field = page.getByRole('combobox', { name: /Find runs/ });
    await field.fill('diverged');
    await expect(page.getByRole('option', { name: /diverged/ }).first()).toBeVisible();
    await expectAccessible(page);
    await field.press('Enter');
    await expect(page).toHaveURL(/\/r\//);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /Find runs/ }).fill('all projects');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/\/$/);
  });

  test('lists its keys, and goes by them', async ({ page }) => {
    await page.goto('p/vision/runs');
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keys' })).toContainText('select the row');
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await expect(page).toHaveURL(/p\/vision\/charts/);
  });

  test('is light or dark by choice, and remembers it', async ({ page }) => {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto('p/vision/runs');
    await page.getByRole('button', { name: 'Theme and settings' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Dark' }).click();
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(ground).toBe('rgb(18, 21, 26)');
  });

  test('says so where there is none', async ({ page }) => {
    await page.goto('p/vision/nothing-here');
    await expect(page.getByText('There is no such page')).toBeVisible();
  });
});
