import { test, type Page } from '@playwright/test';

import { expect, expectAccessible, expectFits, PATIENT, watchErrors } from './kit';

test.describe.configure(PATIENT);

const countOf = (page: Page) => page.locator('.count').filter({ hasText: /\d+ of \d+ runs/ });

test.describe('the table of runs', () => {
  test('shows the newest runs, with what tells them apart', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('p/vision/runs');
    const table = page.getByRole('table', { name: 'Runs' });
    await expect(table.getByRole('row').nth(1)).toBeVisible();
    for (const name of ['name', 'status', 'val/acc best', 'optim.lr']) {
      await expect(
        table.getByRole('columnheader', { name: new RegExp(name) }).first(),
      ).toBeAttached();
    }
    await expect(countOf(page)).toBeVisible();
    await expect(table.getByText('finished').first()).toBeVisible();
    expect(errors).toEqual([]);
  });

  test('is searched, and shows a mistake where it is', async ({ page }) => {
    await page.goto('p/vision/runs');
    const search = page.getByRole('combobox', { name: 'Search the runs' });
    await expect(search).toBeVisible(); // only then are the keys listened to
    await page.keyboard.press('/');
    await expect(search).toBeFocused();
    await search.fill('params.model.na');
    await page.getByRole('option', { name: 'params.model.name' }).click();
    await search.press('End');
    await search.pressSequentially("= 'vit-b'");
    await search.press('Enter');
    await expect(page).toHaveURL(/q=params\.model\.name/);
    await expect(page.getByRole('table').getByText(/resnet18-\d\d/)).toHaveCount(0);
    await expect(
      page
        .getByRole('table')
        .getByText(/vit-b-\d\d/)
        .first(),
    ).toBeVisible();
    await search.fill('params.lr << 3');
    await search.press('Enter');
    await expect(page.getByText(/is no operator/)).toBeVisible();
    await expect(search).toHaveAttribute('aria-invalid', 'true');
    await page.getByRole('button', { name: 'Clear the search' }).click();
    await expect(search).toHaveValue('');
  });

  test('is narrowed by clicking values, and the address says so', async ({ page }) => {
    await page.goto('p/vision/runs');
    await page.getByRole('button', { name: 'model.name' }).first().click();
    await page.getByRole('checkbox', { name: /^vit-s \d/ }).check();
    await expect(page.getByRole('table').getByText(/vit-b-\d\d/)).toHaveCount(0);
    await page.reload();
    await expect(page.getByRole('button', { name: 'model.name: vit-s' })).toBeVisible();
    await expect(
      page
        .getByRole('table')
        .getByText(/vit-s-\d\d/)
        .first(),
    ).toBeVisible();
    await page.getByRole('button', { name: 'Any model.name' }).click();
    await expect(
      page
        .getByRole('table')
        .getByText(/vit-b-\d\d/)
        .first(),
    ).toBeVisible();
  });

  test('is sorted by several columns, and back by the back button', async ({ page }) => {
    await page.goto('p/vision/runs?v=1&cols=params.seed,params.data.batch');
    const head = page.getByRole('columnheader');
    await head.filter({ hasText: 'seed' }).getByRole('button').first().click();
    await expect(page).toHaveURL(/sort=-params\.seed/);
    await head
      .filter({ hasText: 'data.batch' })
      .getByRole('button')
      .first()
      .click({ modifiers: ['Shift'] });
    await expect(page).toHaveURL(/sort=-params\.seed,-params\.data\.batch/);
    await page.goBack();
    await expect(page).toHaveURL(/sort=-params\.seed(&|$)/);
  });

  test('is grouped, one group in the other, with mean and deviation', async ({ page }) => {
    await page.goto('p/vision/runs?v=1&group=params.model.name,params.optim.name');
    const group = page.getByRole('button', { name: /model\.name vit-b/ });
    await group.click();
    await expect(group).toHaveAttribute('aria-expanded', 'true');
    const inner = page.getByRole('button', { name: /optim\.name (adamw|sgd)/ }).first();
    await inner.click();
    await expect(
      page
        .getByRole('table')
        .getByText(/vit-b-\d\d/)
        .first(),
    ).toBeVisible();
    await expect(page.getByRole('table').getByText(/±/).first()).toBeVisible();
    await page.getByRole('button', { name: 'Do not group by model.name' }).click();
    await expect(group).toHaveCount(0);
  });

  test('folds what is the same everywhere', async ({ page }) => {
    await page.goto('p/vision/runs?v=1&cols=params.epochs,params.seed&q=params.epochs%20%3D%2020');
    const head = page.getByRole('columnheader').filter({ hasText: 'epochs' });
    await expect(head).toBeVisible();
    await page.keyboard.press('d');
    await expect(head).toHaveCount(0);
    await page.getByRole('button', { name: /constant here/ }).click();
    await expect(page.getByRole('rowheader', { name: 'params.epochs' })).toBeVisible();
  });

  test('has columns to choose, order and pin', async ({ page }) => {
    await page.goto('p/vision/runs');
    await expect(countOf(page)).toBeVisible();
    await page.keyboard.press('e');
    await page.getByLabel('Find a field').fill('train/loss');
    await page.getByLabel('Statistic of metrics').selectOption('min');
    await page.getByRole('checkbox', { name: /train\/loss min/ }).check();
    await page.getByRole('button', { name: 'Move train/loss min up' }).click();
    await page.keyboard.press('Escape');
    await expect(page).toHaveURL(/metrics\.train\/loss\.min/);
    const head = page.getByRole('columnheader').filter({ hasText: 'status' });
    await head.hover();
    await head.getByRole('button', { name: 'Column status' }).click();
    await page.getByRole('menuitem', { name: 'Pin to the left' }).click();
    await expect(page).toHaveURL(/pins=status/);
  });

  test('is used by keyboard: rows, selection, undo', async ({ page }) => {
    await page.goto('p/vision/runs');
    await expect(countOf(page)).toBeVisible();
    const before = await countOf(page).innerText();
    for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key);
    await expect(page.getByText('2 runs selected')).toBeVisible();
    await page.getByRole('button', { name: 'Archive' }).click();
    await expect(page.getByText('2 runs archived')).toBeVisible();
    await expect(countOf(page)).not.toHaveText(before);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(countOf(page)).toHaveText(before);
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('c');
    await expect(page).toHaveURL(/compare\?runs=/);
  });

  test('tags the selected runs', async ({ page }) => {
    await page.goto('p/vision/runs');
    await page
      .getByRole('checkbox', { name: /^Select (?!all)/ })
      .first()
      .check();
    await page.getByRole('button', { name: 'Tag', exact: true }).click();
    await page.getByLabel('Tag', { exact: true }).fill('seen-by-test');
    await page.getByRole('dialog').getByRole('button', { name: 'Tag' }).click();
    await expect(page.getByText('1 run tagged seen-by-test')).toBeVisible();
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(page.getByText('1 run tagged seen-by-test')).toHaveCount(0);
  });

  test('is saved under a name, with a short link', async ({ page, request }) => {
    await page.goto('p/vision/runs?v=1&sort=name');
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByLabel('Name of the view').fill('by name');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByText(/View “by name” saved/)).toBeVisible();
    const link = page.getByRole('link', { name: /by name/ }).first();
    const short = (await link.getAttribute('href')) ?? '';
    await page.goto(short);
    await expect(page).toHaveURL(/p\/vision\/runs\?.*sort=name/);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('button', { name: 'Delete the view by name' }).first().click();
    await page.getByRole('button', { name: 'Undo' }).click();
    const id = short.split('/').at(-1) ?? '';
    await expect.poll(async () => (await request.get(`api/v1/views/${id}`)).status()).toBe(200);
    await page.goto(short);
    await expect(page).toHaveURL(/p\/vision\/runs\?.*sort=name/);
  });

  test('can be had as code and as CSV', async ({ page }) => {
    await page.goto('p/vision/runs');
    await expect(countOf(page)).toBeVisible();
    await page.getByRole('button', { name: 'This view as code' }).click();
    await expect(page.getByText(/notabene ls -p 'vision'/)).toBeVisible();
    await page.keyboard.press('Escape');
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save the table as CSV' }).click(),
    ]);
    expect(file.suggestedFilename()).toBe('vision-runs.csv');
  });

  test('is cards on a phone', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto('p/vision/runs');
    await expect(countOf(page)).toBeVisible();
    await expect(page.getByRole('columnheader')).toHaveCount(0);
    await expectFits(page);
  });

  test('can be used by all', async ({ page }) => {
    await page.goto('p/vision/runs');
    await expect(page.getByText(/points(,| →)/).first()).toBeVisible();
    await expectAccessible(page);
  });

  test('can be used by all when grouped, and choosing columns', async ({ page }) => {
    await page.goto('p/vision/runs?v=1&group=params.model.name&diff=1');
    await expect(page.getByRole('button', { name: /vit-b \(/ })).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('e');
    await expectAccessible(page);
  });
});
