import { test } from '@playwright/test';

import { expect, PATIENT, expectAccessible, expectFits, watchErrors } from './kit';

test.describe.configure(PATIENT);

test.describe('diary', () => {
  test('tells what was asked, tried, noted and found', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('p/vision/diary');
    await expect(page.getByRole('heading', { name: /^(Today|Yesterday), / }).first()).toBeVisible();
    await expect(page.getByText('Today: try larger batches')).toBeVisible();
    await page.getByRole('button', { name: 'All kinds' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Conclusions' }).click();
    await expect(page).toHaveURL(/kinds=conclusion/);
    const entries = page.locator('article');
    await expect(entries.filter({ hasText: 'Batch 256 wins' }).first()).toBeVisible();
    await expect(page.locator('article:not([data-kind=conclusion])')).toHaveCount(0);
    await expect(page.getByText('supported').first()).toBeVisible();
    expect(errors).toEqual([]);
  });

  test('a note is written with a preview, shown as text, and taken back', async ({ page }) => {
    const errors = watchErrors(page);
    const mark = `mark ${Date.now()}`;
    await page.goto('p/vision/diary');
    await expect(page.getByText('Today: try larger batches')).toBeVisible();
    await page.keyboard.press('n');
    const field = page.getByLabel('Note in Markdown');
    await expect(field).toBeFocused();
    await field.fill(`**${mark}** <img src=x onerror=alert(1)><script>alert(2)</script>`);
    await page.getByRole('tab', { name: 'Preview' }).click();
    await expect(page.locator('.preview strong')).toHaveText(mark);
    await page.getByRole('tab', { name: 'Write' }).click();
    await field.press('Control+Enter');
    const entry = page.locator('article', { hasText: mark });
    await expect(entry).toContainText('<script>alert(2)</script>');
    await expect(entry.locator('img, script')).toHaveCount(0);
    await expect(field).toHaveValue('');
    expect(errors).toEqual([]);
  });

  test('a draft outlives leaving the page', async ({ page }) => {
    await page.goto('p/vision/diary');
    await page.getByLabel('Note in Markdown').fill('half a thought');
    await page.getByRole('link', { name: 'Artifacts' }).click();
    await page.getByRole('link', { name: 'Diary' }).click();
    await expect(page.getByLabel('Note in Markdown')).toHaveValue('half a thought');
    await page.getByRole('button', { name: 'Discard' }).click();
    await expect(page.getByLabel('Note in Markdown')).toHaveValue('');
  });

  test('a run is concluded from here', async ({ page }) => {
    const words = `it holds ${Date.now()}`;
    await page.goto('p/vision/diary?kinds=hypothesis');
    const first = page.locator('article').first();
    await first.hover();
    await first.getByRole('button', { name: 'Write a conclusion' }).click();
    const dialog = page.getByRole('dialog', { name: /Conclude/ });
    await dialog.getByText('refuted', { exact: true }).click();
    await dialog.getByLabel('What it showed').fill(words);
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Save the conclusion' }).click();
    await expect(dialog).toBeHidden();
    await page.goto('p/vision/diary?kinds=conclusion');
    const entry = page.locator('article', { hasText: words });
    await expect(entry).toContainText('refuted');
  });

  test('shows what is written elsewhere as it happens', async ({ page, request }) => {
    await page.goto('p/vision/diary');
    await expect(page.getByText('Today: try larger batches')).toBeVisible();
    const text = `from elsewhere ${Date.now()}`;
    await request.post('api/v1/projects/notes', { data: { project: 'vision', text } });
    await expect(page.getByText(text)).toBeVisible({ timeout: 8000 });
  });

  test('finds words, is accessible and fits a phone', async ({ page }) => {
    await page.goto('p/vision/diary');
    await expect(page.getByText('Today: try larger batches')).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('/');
    await page.keyboard.type('larger batches');
    await expect(page).toHaveURL(/q=larger/);
    await expect(page.locator('article').first()).toContainText('batches');
    await page.getByLabel('Find in the diary').fill('no such words');
    await expect(page.getByText('No entry fits')).toBeVisible();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole('button', { name: 'Show all' }).click();
    await expectFits(page);
  });

  test('comes in pages while one scrolls, searched on the server', async ({ page, request }) => {
    const text = `page mark ${Date.now()}`;
    for (let i = 0; i < 160; i++) {
      const data = { project: 'text / small-lm', text: `${text} ${i}` };
      await request.post('api/v1/projects/notes', { data });
    }
    await page.goto('p/text%20%2F%20small-lm/diary?v=1&kinds=note');
    const all = page.locator('article');
    await expect(page.getByText(`${text} 159`, { exact: true })).toBeVisible();
    await expect(all).toHaveCount(150);
    await page.getByRole('button', { name: /^Read/ }).scrollIntoViewIfNeeded();
    await expect(page.getByText(`${text} 0`, { exact: true })).toBeAttached();
    await page.getByLabel('Order').selectOption('oldest');
    await expect(all.last()).toContainText(text);
    const asked = page.waitForRequest((one) => /diary\?.*q=.*151/.test(one.url()));
    await page.getByLabel('Find in the diary').fill(`${text} 151`);
    await asked;
    await expect(all).toHaveCount(1);
  });

  test('a first conclusion is taken back', async ({ page }) => {
    const words = `too early ${Date.now()}`;
    await page.goto('p/text%20%2F%20small-lm/diary?v=1&kinds=ended,conclusion');
    const first = page.locator('article[data-kind=ended]').first();
    await first.hover();
    await first.getByRole('button', { name: 'Write a conclusion' }).click();
    const dialog = page.getByRole('dialog', { name: /Conclude/ });
    await dialog.getByLabel('What it showed').fill(words);
    await dialog.getByRole('button', { name: 'Save the conclusion' }).click();
    await expect(page.locator('article', { hasText: words })).toBeVisible();
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(page.locator('article', { hasText: words })).toHaveCount(0);
  });

  test('prints without the bars', async ({ page }) => {
    await page.goto('p/vision/diary');
    await expect(page.getByText('Today: try larger batches')).toBeVisible();
    await page.emulateMedia({ media: 'print' });
    await expect(page.getByRole('link', { name: 'Artifacts' })).toBeHidden();
    await expect(page.getByLabel('Find in the diary')).toBeHidden();
    await expect(page.getByText('Today: try larger batches')).toBeVisible();
  });
});
