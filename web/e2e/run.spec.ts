/** The run page against a real server: what each tab is for, end to end. */
import { expect, test, type APIRequestContext, type Page } from '@playwright/test';

async function idOf(request: APIRequestContext, name: string): Promise<string> {
  const where = `name = "${name}"`;
  const answer = await request.get('api/v1/runs', { params: { where, archived: '1', limit: 1 } });
  const { items } = (await answer.json()) as { items: { id: string }[] };
  const found = items[0];
  if (!found) throw new Error(`there is no run ${name}`);
  return found.id;
}

async function nameLike(request: APIRequestContext, pattern: string): Promise<string> {
  const params = { where: `name like "${pattern}"`, order: 'created', limit: 1 };
  const answer = await request.get('api/v1/runs', { params });
  return ((await answer.json()) as { items: { name: string }[] }).items[0]?.name ?? '';
}

/** Opens a tab; `query` is what else the address holds. */
async function open(page: Page, id: string, tab = 'overview', query = '') {
  await page.goto(`r/${id}?v=1&tab=${tab}${query && `&${query}`}`);
  await expect(page.locator('nav[aria-label="Parts of the run"]')).toBeVisible();
}

test.beforeEach(({ page }) => {
  page.on('pageerror', (error) => {
    throw error;
  });
  page.on('dialog', () => {
    throw new Error('something that was logged ran as a script');
  });
});

test('overview: numbers, config against the run before, names and tags', async ({
  page,
  request,
}) => {
  const name = await nameLike(request, '%-10');
  const id = await idOf(request, name);
  await open(page, id);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  await expect(page.getByText('finished', { exact: true }).first()).toBeVisible();

  const metrics = page.getByRole('group', { name: 'Metrics' });
  await expect(metrics.getByRole('row', { name: /val\/acc/ }).locator('strong')).toHaveText(
    /0\.\d/,
  );

  const config = page.getByRole('table', { name: 'Config' });
  await expect(config.getByRole('row', { name: /lr/ }).first()).toBeVisible();
  await expect(page.getByText(/difference/).first()).toBeVisible();
  await page.getByRole('switch', { name: 'flat' }).check();
  await expect(config.getByText('optim.schedule.warmup')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Find in the config' }).fill('warmup');
  await expect(config.getByRole('row')).toHaveCount(1);
  await expect(page).toHaveURL(/flat=1/);

  await page.getByRole('heading', { level: 1 }).getByRole('button').click();
  await page.keyboard.type('a <b>new</b> name');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('a <b>new</b> name');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);

  await page.getByRole('button', { name: 'Add a tag' }).click();
  await page.keyboard.type('kind=<i>e2e</i>');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  const remove = page.getByRole('button', { name: 'Remove the tag kind=<i>e2e</i>' });
  await remove.click();
  await expect(remove).toBeHidden();
});

test('overview: notes and the conclusion', async ({ page, request }) => {
  const id = await idOf(request, await nameLike(request, '%-11'));
  await open(page, id);
  await page.getByRole('button', { name: 'Add a note' }).click();
  await page.getByRole('textbox', { name: 'Note, in Markdown' }).fill('It is **good** <script>');
  await page.keyboard.press('Control+Enter');
  await expect(page.locator('strong', { hasText: 'good' })).toBeVisible();
  await expect(page.getByText('<script>')).toBeVisible();
  await page.getByRole('button', { name: 'Change the note' }).click();
  await page.getByRole('textbox', { name: 'Note, in Markdown' }).fill('It is *better*');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('em', { hasText: 'better' })).toBeVisible();
  await page.getByRole('button', { name: 'Delete the note' }).click();
  await expect(page.locator('em', { hasText: 'better' })).toBeHidden();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.locator('em', { hasText: 'better' })).toBeVisible();
  await page.getByRole('button', { name: 'Delete the note' }).click();

  await page
    .getByRole('button', { name: 'What did it show?' })
    .or(page.getByRole('button', { name: 'Change the conclusion' }))
    .click();
  await page.getByRole('radio', { name: 'Refuted' }).check();
  await page.getByRole('textbox', { name: 'conclusion' }).fill('Not so.');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('refuted', { exact: true })).toBeVisible();
  await expect(page.getByText('Not so.')).toBeVisible();
});

test('a failed run says why, where, and what it printed last', async ({ page, request }) => {
  await open(page, await idOf(request, 'failed-oom'));
  const how = page.getByRole('region', { name: 'How it ended' });
  await expect(how.getByRole('heading', { name: /It failed/ })).toBeVisible();
  await expect(how.getByText('RuntimeError: CUDA out of memory').first()).toBeVisible();
  await expect(how.getByLabel('Traceback')).toContainText('Traceback (most recent call last)');
  await expect(how.getByLabel('Last lines of the console')).toContainText('CUDA out of memory');
});

test('console: a long one, searched, filtered, linked', async ({ page, request }) => {
  const id = await idOf(request, 'chatty');
  await open(page, id, 'console');
  const lines = page.getByRole('group', { name: 'Console' });
  await expect(lines.getByText('step 0 loss')).toBeVisible();
  await expect(page.getByText('20,000 lines')).toBeVisible();
  // only what is in view is in the document
  expect(await lines.locator('.line').count()).toBeLessThan(120);

  await page.keyboard.press('/');
  await page.keyboard.type('grad norm');
  await expect(page.getByText('200 lines')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByText('1 of 200 lines')).toBeVisible();
  await page.keyboard.press('Shift+Enter');
  await expect(page.getByText('200 of 200 lines')).toBeVisible();
  await expect(lines.locator('.here')).toContainText('19901');
  await expect(lines.locator('mark').first()).toHaveText('grad norm');
  await expect(page).toHaveURL(/line=19901/);

  await page.getByRole('switch', { name: 'matches only' }).check();
  await expect(page.getByText('200 lines shown')).toBeVisible();
  await page.getByRole('switch', { name: 'matches only' }).uncheck();
  await page.getByRole('combobox', { name: 'Streams' }).selectOption('stderr');
  await expect(page.getByText('2,000 lines shown')).toBeVisible();

  await open(page, id, 'console', 'line=12345');
  await expect(lines.locator('.here')).toContainText('step 12344');
  await page.getByRole('searchbox', { name: 'Search in the console' }).fill(':77');
  await page.keyboard.press('Enter');
  await expect(lines.locator('.here')).toContainText('step 76');
  await lines.focus();
  await page.keyboard.press('End');
  await expect(lines.getByText('step 19999')).toBeVisible();
  await page.getByRole('switch', { name: 'wrap' }).check();
  await expect(lines.getByText('step 19999')).toBeVisible();
  await page.getByRole('switch', { name: 'wrap' }).uncheck();
});

test('console: each rank has its own', async ({ page, request }) => {
  await open(page, await idOf(request, 'two-ranks'), 'console');
  await expect(page.getByText('rank 0 done')).toBeVisible();
  await page.getByRole('combobox', { name: 'Rank' }).selectOption('rank 1');
  await expect(page.getByText('rank 1 done')).toBeVisible();
});

test('media: pictures, tables, pages and steps', async ({ page, request }) => {
  const id = await idOf(request, await nameLike(request, '%-00'));
  await open(page, id, 'media');
  const samples = page.getByRole('region', { name: 'samples' });
  await expect(samples.getByRole('img')).toBeVisible();
  await expect(samples.getByText('<b>not bold</b>')).toBeVisible();
  const last = await samples.locator('header').innerText();
  await page.keyboard.press('Home');
  await expect(samples.getByText('Nothing yet at this step; the first is at 199.')).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await expect(samples.getByText('step 199 <b>not bold</b>')).toBeVisible();
  await expect(page).toHaveURL(/step=\d+/);
  await page.keyboard.press('End');
  await expect(samples.locator('header')).toHaveText(last.replace(/\n/g, ' '), {
    useInnerText: true,
  });

  const table = page.getByRole('region', { name: 'predictions' });
  await table.scrollIntoViewIfNeeded();
  await expect(table.getByText('1,500 rows')).toBeVisible();
  await table.getByRole('button', { name: /score/ }).click();
  await table.getByRole('button', { name: /score/ }).click();
  await expect(table.getByRole('row').nth(1)).toContainText('0.9888');
  await table.getByRole('searchbox').fill('frog');
  await expect(table.getByText('500 rows of 1,500')).toBeVisible();

  const frame = page.getByRole('region', { name: 'report' }).locator('iframe');
  await frame.scrollIntoViewIfNeeded();
  expect(await frame.getAttribute('sandbox')).not.toContain('allow-same-origin');
});

test('code and environment', async ({ page, request }) => {
  const id = await idOf(request, await nameLike(request, '%-03'));
  await open(page, id, 'code');
  await expect(page.getByRole('navigation', { name: 'Kept code' })).toBeVisible();
  await expect(page.getByText('entry', { exact: true })).toBeVisible();
  await expect(page.getByText('def main() -> None:')).toBeVisible();

  await page.keyboard.press('8');
  await page.getByRole('searchbox', { name: 'Find a package' }).fill('numpy');
  await expect(page.getByText('1 of ')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Interpreter' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Facts that can be searched' })).toBeVisible();
});

test('artifacts and lineage', async ({ page, request }) => {
  const id = await idOf(request, await nameLike(request, '%-09'));
  await open(page, id, 'artifacts');
  await expect(page.getByRole('heading', { name: 'Read' })).toBeVisible();
  await page.getByRole('treeitem', { name: /README/ }).click();
  await expect(page.getByText('<script>alert(1)</script>')).toBeVisible();
  await page.keyboard.press('0');
  await page.getByRole('button', { name: 'Artifacts', exact: true }).click();
  const graph = page.getByRole('group', { name: 'Lineage as a graph' });
  await expect(graph.getByRole('link', { name: /cifar-10/ })).toBeVisible();
  await expect(graph.locator('[aria-current=true]')).toBeVisible();
  await page.getByRole('switch', { name: 'as a table' }).check();
  await expect(page.getByRole('cell', { name: 'train' }).first()).toBeVisible();
  await page.getByRole('switch', { name: 'as a table' }).uncheck();
});

test('charts: curves and the moment beside them', async ({ page, request }) => {
  const id = await idOf(request, await nameLike(request, '%-02'));
  await open(page, id, 'charts');
  await expect(page.getByText('val/acc').first()).toBeVisible();
  await expect(page.locator('canvas').first()).toBeVisible();
  const moment = page.getByRole('complementary', { name: 'The moment' });
  await expect(moment.getByText('At the end')).toBeVisible();
  const box = await page.locator('canvas').first().boundingBox();
  if (!box) throw new Error('no chart');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await expect(moment.getByText(/At step/)).toBeVisible();
});

test('deleted by somebody, restored by a click', async ({ page, request }) => {
  const id = await idOf(request, await nameLike(request, '%-13'));
  await open(page, id);
  await request.delete(`api/v1/runs/${id}`, { headers: { 'Content-Type': 'application/json' } });
  await expect(page.getByText('This run is in the trash')).toBeVisible();
  await page.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByText('This run is in the trash')).toBeHidden();
  await page.getByRole('button', { name: 'More about this run' }).click();
  await page.getByRole('menuitem', { name: 'Archive' }).click();
  await expect(page.getByText('Archived: kept')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('Archived: kept')).toBeHidden();
});

test('an address of no run says so', async ({ page }) => {
  await page.goto('r/no-such-run');
  await expect(page.getByRole('heading', { name: 'There is no such run' })).toBeVisible();
});
