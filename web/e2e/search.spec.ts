import { test } from '@playwright/test';

import { expect, PATIENT, expectAccessible, expectFits, watchErrors } from './kit';

test.describe.configure(PATIENT);

test.describe('search', () => {
  test('finds things of all kinds, and leads to them', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('search');
    const field = page.getByLabel('Search', { exact: true });
    await expect(field).toBeFocused();
    await field.fill('resnet');
    await expect(page).toHaveURL(/q=resnet/);
    await expect(page.getByRole('region', { name: 'Runs' })).toBeVisible();
    await expect(page.getByRole('region', { name: 'Artifacts' })).toContainText('models/resnet50');
    await expect(page.locator('mark').first()).toHaveText('resnet');
    await expectAccessible(page);
    await field.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect(page).not.toHaveURL(/search/);
    expect(errors).toEqual([]);
  });

  test('finds words of notes on runs, here and in the palette', async ({ page }) => {
    await page.goto('search?q=see%20val/loss%20after');
    const notes = page.getByRole('region', { name: 'Notes' });
    await expect(notes.getByRole('link').first()).toContainText(/by .* on .*-\d\d/);
    await notes.getByRole('link').first().click();
    await expect(page).toHaveURL(/\/r\//);
    await expect(page.getByText('check seed').first()).toBeVisible();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /Find runs/ }).fill('check seed');
    await expect(page.getByRole('option', { name: /note.*check seed/ }).first()).toBeVisible();
  });

  test('narrows by kind, and says when nothing fits', async ({ page }) => {
    await page.goto('search?q=val');
    await page.getByRole('button', { name: /^Metrics/ }).click();
    await expect(page).toHaveURL(/kind=metric/);
    await expect(page.getByRole('region', { name: 'Runs' })).toHaveCount(0);
    await expect(page.getByRole('link', { name: /val\/acc/ })).toBeVisible();
    await page.goto('search?q=<svg onload=alert(7)>');
    await expect(page.getByText('Nothing bears')).toBeVisible();
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
  });
});

test.describe('settings', () => {
  test('hold in this browser', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('settings');
    await expect(page.getByText(/\d+ runs in/)).toBeVisible();
    await expectAccessible(page);
    await page.getByText('Compact', { exact: true }).click();
    await page.getByText('UTC', { exact: true }).click();
    await page.getByText('In full', { exact: true }).click();
    await page.getByText('Dark', { exact: true }).click();
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    const row = await page.evaluate(() =>
      getComputedStyle(document.documentElement).getPropertyValue('--row'),
    );
    expect(row.trim()).toBe('24px');
    await page.goto('./');
    await expect(page.locator('time').first()).toHaveText(/^\d{4}-\d\d-\d\d \d\d:\d\d$/);
    await page.goto('settings');
    await page.getByRole('button', { name: 'Forget the settings' }).click();
    await page.reload();
    await expect(page.locator('html')).not.toHaveAttribute('data-theme', 'dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
    expect(errors).toEqual([]);
  });

  test('say how to reach a server that wants a token, and show it by a click', async ({ page }) => {
    await page.goto('settings');
    await expect(page.getByText(/\d+ runs in/)).toBeVisible();
    await expect(page.getByRole('heading', { name: 'Send data to this server' })).toHaveCount(0);
    await page.route('**/api/v1/server', async (route) => {
      const answer = await route.fetch();
      const more = { token: true, token_at: '/cache/server/token', doors: ['mlflow'] };
      await route.fulfill({ json: { ...(await answer.json()), ...more } });
    });
    await page.route('**/api/v1/server/token', (route) =>
      route.fulfill({ json: { token: 'nbt_of_a_test' } }),
    );
    await page.reload();
    const part = page.getByRole('region', { name: 'Send data to this server' });
    await expect(part).toContainText('/cache/server/token');
    await expect(part).toContainText('MLFLOW_TRACKING_URI="http://');
    await expect(part).not.toContainText('nbt_of_a_test');
    await part.getByRole('button', { name: 'Show' }).click();
    await expect(part).toContainText('MLFLOW_TRACKING_TOKEN="nbt_of_a_test"');
    await expectAccessible(page);
    await part.getByRole('button', { name: 'Hide' }).click();
    await expect(part).not.toContainText('nbt_of_a_test');
  });
});
