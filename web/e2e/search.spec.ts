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
});
