import { test } from '@playwright/test';

import { expect, PATIENT, expectAccessible, expectFits, watchErrors } from './kit';

test.describe.configure(PATIENT);

test.describe('home', () => {
  test('shows how projects stand, and leads to them', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('./');
    const vision = page.getByRole('row', { name: /vision/ });
    await expect(vision).toBeVisible();
    await expect(vision).toContainText('val/acc');
    await expect(vision).toContainText('2 failed');
    await expect(page.getByRole('row', { name: /text \/ small-lm/ })).toContainText('val/ppl');
    await vision.getByRole('link', { name: 'vision', exact: true }).click();
    await expect(page).toHaveURL(/\/p\/vision\/runs/);
    expect(errors).toEqual([]);
  });

  test('says what moved since the last visit, until it is read', async ({ page }) => {
    await page.goto('./');
    await expect(page.getByRole('row', { name: /vision/ })).toBeVisible();
    await expect(page.getByText('Since you were here')).toHaveCount(0);
    await page.goto('settings');
    await page.evaluate(() => {
      const latest = { vision: { key: 'val/acc', value: 0.5 } };
      const visit = { since: 0, seen: Date.now() - 24 * 3600e3, before: {}, latest };
      localStorage.setItem('notabene.visit', JSON.stringify(visit));
    });
    await page.goto('./');
    const since = page.getByRole('region', { name: 'Since you were here' });
    await expect(since).toContainText('New best');
    await expect(since).toContainText(/\d+ new runs/);
    await expect(since).toContainText('failed');
    await since.getByRole('button', { name: 'Mark as read' }).click();
    await expect(since).toContainText('Nothing has moved');
  });

  test('is used by keys, and keeps what is looked for in the address', async ({ page }) => {
    await page.goto('./');
    await expect(page.getByRole('row', { name: /vision/ })).toBeVisible();
    await page.keyboard.press('/');
    await page.keyboard.type('small');
    await expect(page).toHaveURL(/q=small/);
    await expect(page.getByRole('row', { name: /vision/ })).toHaveCount(0);
    await page.getByLabel('Find a project').fill('nothing like it');
    await expect(page.getByText('None of 3 projects')).toBeVisible();
    await page.getByRole('button', { name: 'Show all' }).click();
    await expect(page.getByRole('row', { name: /vision/ })).toBeVisible();
  });

  test('is accessible, and fits a phone', async ({ page }) => {
    await page.goto('./');
    await expect(page.getByRole('row', { name: /vision/ })).toBeVisible();
    await expectAccessible(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
  });

  test('teaches while there is no run, and turns live', async ({ page }) => {
    const none = { items: [], total: 0, limit: 50, offset: 0 };
    let empty = true;
    await page.route('**/api/v1/projects', (route) =>
      empty ? route.fulfill({ json: none }) : route.continue(),
    );
    await page.route('**/api/v1/projects?*', (route) =>
      empty ? route.fulfill({ json: none }) : route.continue(),
    );
    await page.goto('./');
    await expect(page.getByText('Waiting for the first run')).toBeVisible();
    await expect(page.getByText('notabene.init(')).toBeVisible();
    await expect(page.getByText('notabene demo')).toBeVisible();
    await expectAccessible(page);
    empty = false;
    await page.request.post('api/v1/projects/notes', {
      data: { project: 'text / small-lm', text: 'a change' },
    });
    await expect(page.getByRole('row', { name: /vision/ })).toBeVisible({ timeout: 10_000 });
  });
});
