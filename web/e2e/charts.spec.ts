import { test, type Page } from '@playwright/test';

import { expect, expectAccessible, expectFits, PATIENT, runIds, watchErrors } from './kit';

test.describe.configure(PATIENT);

const panel = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

test.describe('charts', () => {
  test('make themselves, in sections, and say what they show', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('p/vision/charts?v=1&q=params.epochs%20%3D%2020');
    await expect(panel(page, 'train/loss')).toContainText(/points → \d+ buckets, min\/max kept/);
    await expect(panel(page, 'train/loss')).toContainText(/10 of 30 runs/);
    const fold = page.getByRole('button', { name: /^val \d+ charts/ });
    await expect(panel(page, 'val/acc')).toBeVisible();
    await fold.click();
    await expect(panel(page, 'val/acc')).toHaveCount(0);
    await expect(page).toHaveURL(/folded=val/);
    await page.getByRole('searchbox', { name: /regular expression/ }).fill('^lr$');
    await expect(panel(page, 'train/loss')).toHaveCount(0);
    await expect(panel(page, 'lr')).toBeVisible();
    expect(errors).toEqual([]);
  });

  test('are zoomed by dragging: the range is asked for in detail, a double click goes back', async ({
    page,
  }) => {
    await page.goto('p/vision/charts?v=1&match=train/loss&q=params.epochs%20%3D%2020');
    const one = panel(page, 'train/loss');
    await expect(one).toContainText(/points/);
    const box = await one.getByRole('group').boundingBox();
    if (!box) throw new Error('no chart');
    const y = box.y + box.height / 2;
    const asked = page.waitForRequest(
      (request) => request.url().endsWith('/series') && /"low":\d/.test(request.postData() ?? ''),
    );
    await page.mouse.move(box.x + box.width * 0.4, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, y, { steps: 4 });
    await page.mouse.move(box.x + box.width * 0.6, y, { steps: 4 });
    await page.mouse.up();
    await asked;
    await expect(page).toHaveURL(/zoom=/);
    await one.getByRole('group').dblclick();
    await expect(page).not.toHaveURL(/zoom=/);
  });

  test('list the values at the cursor, by pointer and by keyboard', async ({ page }) => {
    await page.goto('p/vision/charts?v=1&match=train/loss&q=params.epochs%20%3D%2020');
    const one = panel(page, 'train/loss');
    await expect(one).toContainText(/points/);
    const chart = one.getByRole('group');
    await expect(chart).toHaveAttribute('aria-label', /train\/loss over step: 10 lines/);
    await chart.hover();
    await expect(one.getByText(/^step [\d,]+ \+\d+$/)).toBeVisible();
    await page.mouse.move(0, 0);
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await expect(one.getByText(/^step [\d,]+: .+/)).toBeAttached();
  });

  test('are smoothed on the server, drawn over time, on a log axis', async ({ page }) => {
    await page.goto('p/vision/charts?v=1&match=train/loss&q=params.epochs%20%3D%2020');
    await expect(panel(page, 'train/loss')).toContainText(/points/);
    await page.keyboard.press('s');
    const asked = page.waitForRequest((request) => /"kind":"ema"/.test(request.postData() ?? ''));
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await asked;
    await expect(panel(page, 'train/loss')).toContainText(/smoothed \(weight/);
    await page.getByLabel('x', { exact: true }).selectOption('relative');
    await expect(page).toHaveURL(/x=relative/);
    await expect(panel(page, 'train/loss').getByRole('group')).toHaveAttribute(
      'aria-label',
      /over relative/,
    );
    await page.locator('main').click({ position: { x: 5, y: 5 } });
    await page.keyboard.press('l');
    await expect(page).toHaveURL(/y=log/);
  });

  test('of groups are means with a band', async ({ page }) => {
    await page.goto(
      'p/vision/charts?v=1&match=train/loss&group=params.model.name&q=params.epochs%20%3D%2020',
    );
    await expect(panel(page, 'train/loss')).toContainText(/mean of each/);
    await expect(page.getByRole('list', { name: 'Lines' })).toContainText('vit-b');
    await panel(page, 'train/loss').getByRole('group').hover();
    await expect(
      panel(page, 'train/loss')
        .getByText(/n = \d+/)
        .first(),
    ).toBeVisible();
  });

  test('mark NaN and infinities, and outliers beyond the axis', async ({ page }) => {
    await page.goto("p/vision/charts?v=1&match=train/loss&q=name%20%3D%20'diverged'");
    await expect(panel(page, 'train/loss')).toContainText(/NaN, \d+ ±Inf/);
    await page.goto('p/vision/charts?v=1&match=^loss$&q=metrics.loss%20is%20not%20null');
    const beyond = panel(page, 'loss').getByRole('button', { name: /beyond the axis/ });
    await beyond.click();
    await expect(beyond).toHaveCount(0);
  });

  test('of groups name the runs of the group that is pointed at', async ({ page }) => {
    await page.goto(
      'p/vision/charts?v=1&match=train/loss&group=params.model.name&q=params.epochs%20%3D%2020',
    );
    const one = panel(page, 'train/loss');
    await expect(one).toContainText(/mean of each/);
    await one.getByRole('group').hover();
    await expect(one.locator('.readout .member').first()).toContainText(/-\d\d/);
  });

  test('mark what happened, and can do without', async ({ page }) => {
    await page.goto("p/vision/charts?v=1&match=train/loss&q=name%20like%20'%25-02'");
    const one = panel(page, 'train/loss');
    const chart = one.getByRole('group');
    await expect(chart).toHaveAttribute('aria-label', /1 mark of what happened/);
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    // the alert came at the end of the curve
    for (let i = 0; i < 80; i++) await page.keyboard.press('Shift+ArrowRight');
    await expect(one.getByText(/warning: Learning rate is high loss rose twice/)).toBeAttached();
    const box = await chart.boundingBox();
    if (!box) throw new Error('no chart');
    await page.mouse.move(box.x + box.width - 16, box.y + 12);
    await expect(one.locator('.told')).toContainText('Learning rate is high');
    await page.getByRole('button', { name: 'More about how charts are drawn' }).click();
    await page.getByText('Marks of alerts').click();
    await expect(page).toHaveURL(/marks=0/);
    await expect(chart).not.toHaveAttribute('aria-label', /what happened/);
  });

  test('have a baseline, by their menu or the table', async ({ page, request }) => {
    const [id] = await runIds(request, 'name like "vit%"');
    await page.goto(
      `p/vision/charts?v=1&match=train/loss&n=3&q=params.epochs%20%3D%2020&base=${id}`,
    );
    const legend = page.getByRole('list', { name: 'Lines' });
    await expect(legend.getByText(/\(baseline\)/)).toHaveCount(1);
    await expect(panel(page, 'train/loss').getByRole('group')).toHaveAttribute(
      'aria-label',
      /[34] lines/,
    );
    await panel(page, 'train/loss')
      .getByRole('button', { name: /^More for/ })
      .click();
    await page.getByRole('menuitemcheckbox', { name: 'none' }).click();
    await expect(page).not.toHaveURL(/base=/);
    await expect(legend.getByText(/\(baseline\)/)).toHaveCount(0);
    await page.goto('p/vision/runs');
    const row = page.getByRole('row').nth(1);
    await row.hover();
    await row.getByRole('button', { name: /as baseline/ }).click();
    await expect(page).toHaveURL(/base=/);
    await expect(row.getByRole('button', { name: /as baseline/ })).toHaveAttribute(
      'aria-pressed',
      'true',
    );
  });

  test('narrow the search by a range that is drawn, and step back', async ({ page }) => {
    const panels = JSON.stringify([
      { t: 'hist', f: 'params.optim.lr' },
      { t: 'scatter', x: 'params.seed', y: 'metrics.val/acc.best' },
    ]);
    const q = 'params.epochs%20%3D%2020';
    await page.goto(
      `p/vision/charts?v=1&match=val/acc&q=${q}&panels=${encodeURIComponent(panels)}`,
    );
    const search = page.getByRole('combobox', { name: 'Search the runs' });
    const drag = async (box: { x: number; y: number; width: number; height: number } | null) => {
      if (!box) throw new Error('nothing to draw on');
      await page.mouse.move(box.x, box.y);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 3 });
      await page.mouse.move(box.x + box.width, box.y + box.height, { steps: 3 });
      await page.mouse.up();
    };
    const back = async () => {
      await page.getByRole('button', { name: 'Undo' }).last().click();
      await expect(search).toHaveValue('params.epochs = 20');
    };

    const chart = panel(page, 'val/acc').getByRole('group');
    await expect(chart).toBeVisible();
    const area = await chart.boundingBox();
    await drag(area && { x: area.x + 12, y: area.y + 20, width: 0, height: area.height / 2 });
    await expect(search).toHaveValue(/^params.epochs = 20 and metrics.val\/acc >= 0.* <= /);
    await expect(page.getByText(/of \d+ runs/).first()).toBeVisible();
    await back();

    const bars = panel(page, 'optim.lr').getByRole('img');
    await expect(bars).toBeVisible();
    const low = await bars.boundingBox();
    await drag(low && { x: low.x + 2, y: low.y + 9, width: low.width / 3, height: 0 });
    await expect(search).toHaveValue(/and params.optim.lr >= 0.001 and params.optim.lr <= /);
    await page.goBack();
    await expect(search).toHaveValue('params.epochs = 20');

    const dots = panel(page, 'val/acc best over seed').getByRole('img');
    await expect(dots).toBeVisible();
    const all = await dots.boundingBox();
    await drag(
      all && { x: all.x + 60, y: all.y + 10, width: all.width / 3, height: all.height - 50 },
    );
    await expect(search).toHaveValue(/params.seed >= .* and metrics.val\/acc.best <= /);
    await back();
  });

  test('of one’s own are added, kept in the address, and taken off', async ({ page }) => {
    await page.goto('p/vision/charts?v=1&q=params.epochs%20%3D%2020');
    await page.getByRole('button', { name: 'Add chart' }).click();
    await page.getByLabel('What', { exact: true }).selectOption('scatter');
    await page.getByRole('combobox', { name: 'Field on x' }).fill('optim.lr');
    await page.keyboard.press('Enter');
    await page.getByRole('combobox', { name: 'Field on y' }).fill('val/acc best');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    const scatter = panel(page, 'val/acc best over optim.lr');
    await expect(scatter).toContainText(/30 runs · r =/);
    await page.reload();
    await expect(scatter).toContainText(/30 runs/);
    await scatter.getByRole('button', { name: /^More for/ }).click();
    await page.getByRole('menuitem', { name: 'Take it off' }).click();
    await expect(scatter).toHaveCount(0);
  });

  test('of logged values follow a slider', async ({ page }) => {
    const panels = JSON.stringify([
      { t: 'values', k: 'samples' },
      { t: 'bar', f: 'params.seed' },
    ]);
    await page.goto(
      `p/vision/charts?v=1&panels=${encodeURIComponent(panels)}&q=params.epochs%20%3D%2020`,
    );
    const samples = panel(page, 'samples');
    await expect(samples.getByRole('img').first()).toBeVisible();
    const slider = samples.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('Home');
    await expect(samples).toContainText(/step 199 of/);
    await expect(panel(page, 'seed').getByRole('listitem').first()).toBeVisible();
  });

  test('fill the window', async ({ page }) => {
    await page.goto('p/vision/charts?v=1&q=params.epochs%20%3D%2020');
    await panel(page, 'train/loss').getByRole('button', { name: 'Full screen' }).click();
    await expect(page.getByRole('dialog')).toContainText(/points/);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  test('fit a phone', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto('p/vision/charts');
    await expect(page.getByText(/points(,| →)/).first()).toBeVisible();
    await expectFits(page);
  });

  test('can be used by all', async ({ page }) => {
    await page.goto('p/vision/charts?v=1&q=params.epochs%20%3D%2020');
    await expect(panel(page, 'train/loss')).toContainText(/points/);
    await expectAccessible(page);
  });
});
