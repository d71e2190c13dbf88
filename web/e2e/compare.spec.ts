import { test, type APIRequestContext } from '@playwright/test';

import { expect, PATIENT, expectAccessible, expectFits, runIds, watchErrors } from './kit';

const sweep = (request: APIRequestContext, limit = 4) =>
  runIds(request, 'tags.team is not null', { limit: String(limit), order: 'created' });

test.describe.configure(PATIENT);

test.describe('compare', () => {
  test('shows what differs, with the reference first', async ({ page, request }) => {
    const errors = watchErrors(page);
    const [a = '', b = '', c = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},${b},${c}&ref=${b}`);
    const table = page.getByRole('table', { name: 'Runs side by side' });
    await expect(table.getByRole('row', { name: /^seed/ })).toBeVisible();
    const heads = table.getByRole('columnheader');
    await expect(heads.nth(1)).toContainText('the reference');
    // epochs is 20 in all of them
    await expect(table.getByRole('row', { name: /^epochs/ })).toHaveCount(0);
    await page.keyboard.press('d');
    await expect(page).toHaveURL(/all=1/);
    await page.getByLabel('Find a row by name or value').fill('epochs');
    await expect(table.getByRole('row', { name: /^epochs/ })).toBeVisible();
    await expect(page.getByRole('button', { name: /^Params \d+ of \d+/ })).toBeVisible();
    expect(errors).toEqual([]);
  });

  test('swaps the reference, adds and takes away', async ({ page, request }) => {
    const [a = '', b = '', c = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},${b}`);
    const heads = page.getByRole('table').getByRole('columnheader');
    await expect(heads).toHaveCount(3);
    const first = await heads.nth(1).innerText();
    await page.keyboard.press(']');
    await expect(heads.nth(1)).not.toHaveText(first);
    await expect(page).toHaveURL(new RegExp(`ref=${b}`));
    await page.keyboard.press('a');
    const answer = await request.get('api/v1/runs', { params: { ids: c } });
    const name = ((await answer.json()) as { items: { name: string }[] }).items[0]?.name ?? '';
    await page.getByLabel('Find a run').fill(name);
    await page.getByRole('option', { name: new RegExp(name) }).click();
    await page.keyboard.press('Escape');
    await expect(heads).toHaveCount(4);
    await page.getByRole('button', { name: `Take ${name} away` }).click();
    await expect(heads).toHaveCount(3);
    await page.goBack();
    await expect(heads).toHaveCount(4);
  });

  test('copies the table', async ({ page, request, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const [a = '', b = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},${b}`);
    await expect(page.getByRole('row', { name: /^seed/ })).toBeVisible();
    await page.getByRole('button', { name: 'Copy or save the table' }).click();
    await page.getByRole('menuitem', { name: 'Copy as Markdown' }).click();
    await expect(page.getByText('Copied Markdown')).toBeVisible();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    expect(text).toContain('| **Params** |');
    expect(text).toContain('| seed |');
  });

  test('draws curves, and their difference from the reference', async ({ page, request }) => {
    const errors = watchErrors(page);
    const [a = '', b = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},${b}&tab=curves`);
    const panel = page.getByRole('region', { name: 'train/loss', exact: true });
    await expect(panel.locator('canvas').first()).toBeVisible();
    await page.getByRole('button', { name: 'Difference from reference' }).click();
    await expect(page.getByText('Each curve minus that of')).toBeVisible();
    await expect(panel.locator('canvas').first()).toBeVisible();
    await expectAccessible(page);
    expect(errors).toEqual([]);
  });

  test('shows media side by side at a step', async ({ page, request }) => {
    const errors = watchErrors(page);
    const [a = '', b = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},${b}&tab=media&media=samples`);
    const side = page.getByRole('group', { name: /samples of 2 runs/ });
    await expect(side.getByRole('img').first()).toBeVisible();
    await page.getByRole('button', { name: 'Step before' }).click();
    await expect(page).toHaveURL(/step=\d+/);
    // captions are text, whatever they hold
    await expect(side).toContainText('<b>not bold</b>');
    expect(errors).toEqual([]);
  });

  test('holds fifty runs', async ({ page, request }) => {
    const ids = await runIds(request, '', { limit: '50' });
    await page.goto(`p/vision/compare?runs=${ids.join(',')}&all=1`);
    const table = page.getByRole('table', { name: 'Runs side by side' });
    await expect(table).toHaveAttribute('aria-colcount', String(ids.length + 1));
    await table.evaluate((box) => (box.scrollLeft = box.scrollWidth));
    await expect(table.getByRole('columnheader').last()).toBeVisible();
    expect(await page.locator('[role=cell]').count()).toBeLessThan(700);
  });

  test('helps to choose, is accessible and fits a phone', async ({ page, request }) => {
    await page.goto('p/vision/compare');
    await expect(page.getByText('Choose the runs to compare')).toBeVisible();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'The newest two' }).click();
    await expect(page.getByRole('table').getByRole('columnheader')).toHaveCount(3);
    await expectAccessible(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectFits(page);
    const [a = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},no-such-run`);
    await expect(page.getByText('One run is not here any more')).toBeVisible();
  });

  test('is saved as a view', async ({ page, request }) => {
    const [a = '', b = ''] = await sweep(request);
    await page.goto(`p/vision/compare?runs=${a},${b}&q=seed`);
    await page.getByRole('button', { name: 'Views' }).click();
    const name = `seeds ${Date.now()}`;
    await page.getByLabel('Name of the view').fill('two seeds');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByText('View “two seeds” saved')).toBeVisible();
    await page.getByRole('button', { name: 'Rename two seeds' }).click();
    await page.getByLabel('New name of two seeds').fill(name);
    await page.keyboard.press('Enter');
    const link = page.getByRole('link', { name: new RegExp(name) });
    await expect(link).toBeVisible();
    const address = await link.getAttribute('href');
    await page.goto(`.${address}`);
    await expect(page).toHaveURL(/compare\?.*q=seed/);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('button', { name: `Delete the view ${name}` }).click();
    await expect(page.getByRole('link', { name: new RegExp(name) })).toHaveCount(0);
    await page.getByRole('button', { name: 'Undo' }).last().click();
    await page.getByRole('button', { name: 'Views' }).click();
    await expect(page.getByRole('link', { name: new RegExp(name) })).toBeVisible();
    await page.goto('v/nothing-here');
    await expect(page.getByText('This view is not here')).toBeVisible();
  });
});
