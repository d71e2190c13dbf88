import { test } from '@playwright/test';

import { expect, PATIENT, expectAccessible, expectFits, runIds, watchErrors } from './kit';

const at = (name: string, more = '') =>
  `p/vision/artifacts?name=${encodeURIComponent(name)}${more}`;

test.describe.configure(PATIENT);

test.describe('artifacts', () => {
  test('are listed, found and opened', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto('p/vision/artifacts');
    await expect(page.getByRole('row', { name: /cifar-10/ })).toContainText('dataset');
    await expectAccessible(page);
    await page.getByLabel('Type').selectOption('dataset');
    await expect(page.getByRole('row', { name: /models/ })).toHaveCount(0);
    await page.getByLabel('Type').selectOption('');
    await page.keyboard.press('Escape');
    await page.getByLabel('Find an artifact by name').fill('cifar');
    await page.getByRole('link', { name: 'cifar-10' }).click();
    await expect(page.getByRole('heading', { name: 'cifar-10' })).toBeVisible();
    await expect(page.getByRole('navigation', { name: 'Versions' })).toContainText('stable');
    expect(errors).toEqual([]);
  });

  test('show their files as text, whatever is in them', async ({ page }) => {
    const errors = watchErrors(page);
    await page.goto(at('models/resnet50 ✓'));
    const tree = page.getByRole('tree', { name: 'Files' });
    await expect(tree.getByRole('treeitem', { name: /README/ })).toBeVisible();
    await tree.getByRole('treeitem', { name: /evil\.html/ }).click();
    await page.getByRole('switch', { name: 'Source' }).check();
    await expect(page.getByText('<script>alert(document.cookie)</script>')).toBeVisible();
    await page.getByRole('switch', { name: 'Source' }).uncheck();
    await tree.getByRole('treeitem', { name: /README/ }).click();
    await expect(page.getByRole('heading', { name: /Model \d+/ })).toBeVisible();
    await tree.getByRole('treeitem', { name: /config\.json/ }).click();
    await expect(page.getByText('"depth"')).toBeVisible();
    await tree.getByRole('treeitem', { name: /weights/ }).click();
    await expect(page.getByText('There is no look into this kind of file')).toBeVisible();
    await expectAccessible(page);
    // the page tried to read cookies, and could not
    expect(errors.filter((one) => !one.includes('sandboxed'))).toEqual([]);
  });

  test('have a tree that is walked by keys', async ({ page }) => {
    await page.goto(at('models/resnet50 ✓'));
    const tree = page.getByRole('tree', { name: 'Files' });
    await expect(tree.getByRole('treeitem', { name: /^sub/ })).toBeVisible();
    await tree.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await expect(tree.getByRole('treeitem', { name: /labels\.csv/ })).toBeVisible();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/path=sub\/labels\.csv/);
    await expect(page.getByRole('columnheader', { name: 'label' })).toBeVisible();
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await waiting).suggestedFilename()).toBe('labels.csv');
  });

  test('move their aliases, with a way back', async ({ page }) => {
    await page.goto(at('cifar-10', '&version=v1'));
    await page
      .getByRole('button', { name: 'Add an alias' })
      .or(page.getByRole('button', { name: 'alias', exact: true }))
      .first()
      .click();
    await page.getByLabel(/A word that shall point/).fill('bad word');
    await expect(page.getByText('no spaces')).toBeVisible();
    await page.getByLabel(/A word that shall point/).fill('stable');
    await expect(page.getByText('It moves here from v2')).toBeVisible();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Move it here' }).click();
    const versions = page.getByRole('navigation', { name: 'Versions' });
    await expect(versions.locator('[data-version="1"]')).toContainText('stable');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(versions.locator('[data-version="2"]')).toContainText('stable');
    await expect(versions.locator('[data-version="1"]')).not.toContainText('stable');
  });

  test('are deleted, and restored', async ({ page }) => {
    await page.goto(at('models/vit-b ✓', '&version=v1'));
    const versions = page.getByRole('navigation', { name: 'Versions' });
    await expect(versions.locator('[data-version="1"]')).toBeVisible();
    await page.getByRole('button', { name: 'More for this version' }).click();
    await page.getByRole('menuitem', { name: 'Delete the version' }).click();
    await expect(versions.locator('[data-version="1"]')).toHaveCount(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(versions.locator('[data-version="1"]')).toBeVisible();
  });

  test('compare the files of two versions', async ({ page }) => {
    await page.goto(at('models/resnet50 ✓', '&tab=compare'));
    await expect(page.getByText(/3 changed/)).toBeVisible();
    await expect(page.getByRole('row', { name: /weights\.bin/ })).toContainText('changed');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'config.json' }).click();
    await expect(page).not.toHaveURL(/tab=compare/);
    await expect(page.getByText('"depth"')).toBeVisible();
  });

  test('tell where they come from, as a graph and as a table', async ({ page }) => {
    await page.goto(at('cifar-10', '&tab=lineage'));
    const graph = page.getByRole('group', { name: 'Lineage as a graph' });
    await expect(graph.getByRole('link', { name: /prepare data/ })).toBeVisible();
    await expectAccessible(page);
    await page.getByText('As a table').click();
    await expect(page).toHaveURL(/table=1/);
    await expect(page.getByRole('row', { name: /prepare data/ }).first()).toBeVisible();
    await expectAccessible(page);
  });

  test('fit a phone, and say what is not there', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto('p/vision/artifacts');
    await expect(page.getByRole('link', { name: 'cifar-10' })).toBeVisible();
    await expectFits(page);
    await page.goto(at('models/resnet50 ✓', '&path=sub/labels.csv'));
    await expect(page.getByRole('columnheader', { name: 'label' })).toBeVisible();
    await expectFits(page);
    await page.goto(at('cifar-10', '&version=v99'));
    await expect(page.getByText('No version of it is called “v99”')).toBeVisible();
    await page.goto(at('no such artifact'));
    await expect(page.getByRole('alert')).toContainText('no artifact');
  });
});

test('a page of HTML that was logged reaches nothing of ours', async ({
  page,
  request,
  context,
}) => {
  await context.addCookies([
    { name: 'secret', value: 'of-ours', url: test.info().project.use.baseURL ?? '' },
  ]);
  await page.addInitScript(() => {
    window.addEventListener('message', (event) => {
      const { probe } = event.data as { probe?: Record<string, string> };
      if (probe) Object.assign(window, { probe, from: event.origin });
    });
  });
  const asked: string[] = [];
  // what the policy refuses is told as a request as well, but never answered
  page.on('response', (one) => {
    if (one.frame() !== page.mainFrame()) asked.push(one.url());
  });
  const errors = watchErrors(page);
  const [run] = await runIds(request, 'name is not null', {
    project: 'text / small-lm',
    order: 'created',
    limit: '1',
  });
  const notes = async () =>
    (
      (await (await request.get('api/v1/diary?project=vision&kinds=note&q=frame')).json()) as {
        total: number;
      }
    ).total;
  const places = [
    `p/text%20%2F%20small-lm/artifacts?name=probe&path=probe.html`,
    `r/${run}?v=1&tab=media&keys=probe`,
  ];
  for (const place of places) {
    asked.length = 0;
    await page.goto(place);
    await page.evaluate(() => localStorage.setItem('secret', 'of-ours'));
    const frame = page.locator('iframe');
    await expect(frame).toHaveAttribute('sandbox', 'allow-scripts');
    const read = () =>
      page.evaluate(() => (window as unknown as { probe?: Record<string, string> }).probe);
    await expect.poll(read).toBeTruthy();
    const found = (await read()) ?? {};
    expect(found.origin).toBe('null');
    expect(await page.evaluate(() => (window as unknown as { from?: string }).from)).toBe('null');
    for (const name of [
      'cookie',
      'storage',
      'session',
      'database',
      'parent',
      'api',
      'write',
      'image',
      'window',
    ]) {
      expect(`${name} ${found[name]}`).toMatch(/ refused: /);
    }
    expect(JSON.stringify(found)).not.toContain('of-ours');
    // one answer: the page itself
    expect(asked.filter((url) => !/\/api\/v1\/(artifacts\/file|blobs\/)/.test(url))).toEqual([]);
    expect(await page.title()).toContain('notabene');
  }
  expect(await notes()).toBe(0);
  expect(errors).toEqual([]);
});
