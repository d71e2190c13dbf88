/** The run page for everybody: keyboard, screen readers, both themes, a phone; and live. */
import { spawn } from 'node:child_process';
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type APIRequestContext, type Page } from '@playwright/test';

const TABS = [
  'overview',
  'record',
  'charts',
  'system',
  'media',
  'console',
  'code',
  'environment',
  'artifacts',
  'lineage',
];

async function find(request: APIRequestContext, where: string) {
  const params = { where, order: 'created', limit: 1, project: 'vision' };
  const answer = await request.get('api/v1/runs', { params });
  return ((await answer.json()) as { items: { id: string; name: string }[] }).items[0];
}

async function ready(page: Page) {
  await expect(page.locator('nav[aria-label="Parts of the run"]')).toBeVisible();
  await expect(page.getByText(/^Loading/)).toHaveCount(0, { timeout: 15_000 });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing serious, ${colorScheme}`, async ({ browser, request, baseURL }) => {
    test.setTimeout(180_000);
    const rich = await find(request, 'name like "%-00"');
    const failed = await find(request, 'name = "failed-oom"');
    const context = await browser.newContext({ colorScheme, ...(baseURL ? { baseURL } : {}) });
    const page = await context.newPage();
    const wrong: string[] = [];
    const places = [...TABS.map((tab) => `r/${rich?.id}?v=1&tab=${tab}`), `r/${failed?.id}`];
    for (const place of places) {
      await page.goto(place);
      await ready(page);
      await page.waitForTimeout(300);
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const one of violations) {
        if (one.impact !== 'serious' && one.impact !== 'critical') continue;
        const where = one.nodes.map((node) => node.html.slice(0, 200)).slice(0, 4);
        wrong.push(`${place}: ${one.id}: ${one.help}\n  ${where.join('\n  ')}`);
      }
    }
    expect(wrong).toEqual([]);
    await context.close();
  });
}

test('nothing is cut off on a phone', async ({ browser, request, baseURL }) => {
  test.setTimeout(120_000);
  const rich = await find(request, 'name like "%-00"');
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    ...(baseURL ? { baseURL } : {}),
  });
  const page = await context.newPage();
  for (const tab of TABS) {
    await page.goto(`r/${rich?.id}?v=1&tab=${tab}`);
    await ready(page);
    const over = await page.evaluate(() => {
      const main = document.getElementById('main');
      return main ? main.scrollWidth - main.clientWidth : -1;
    });
    expect(over, `${tab} is wider than the screen`).toBeLessThanOrEqual(0);
  }
  await page.goto(`r/${rich?.id}`);
  await expect(page.getByText('finished', { exact: true }).first()).toBeInViewport();
  await expect(page.getByText('val/acc').first()).toBeInViewport();
  await context.close();
});

test('the run before and after are those of the table one came from', async ({ page }) => {
  await page.goto(
    'p/vision/runs?v=1&charts=0&group=params.model.name&sort=name&q=params.epochs%20%3D%2020',
  );
  const fold = page.getByRole('button', { name: /^vit-s \(/ });
  await fold.click();
  const names = page.getByRole('table').getByRole('link', { name: /^vit-s-\d\d$/ });
  await expect(names.nth(1)).toBeVisible();
  const inside = await names.allInnerTexts();
  expect(inside).toEqual([...inside].sort());
  await names.first().click();
  const title = page.getByRole('heading', { level: 1 });
  for (const name of inside.slice(0, 3)) {
    await expect(title).toContainText(name);
    await expect(page.locator('nav[aria-label="Parts of the run"]')).toBeVisible();
    await page.keyboard.press(']');
  }
  await page.keyboard.press('[');
  await expect(title).toContainText(inside[2] ?? '-');
});

test('by keyboard alone', async ({ page, request }) => {
  const run = await find(request, 'name like "%-05"');
  await page.goto(`r/${run?.id}`);
  await ready(page);
  for (const [i, tab] of TABS.entries()) {
    await page.keyboard.press(String((i + 1) % 10));
    await expect(page.locator('[aria-current=page]')).toContainText(new RegExp(tab, 'i'));
  }
  await page.keyboard.press('1');
  await page.keyboard.press(']');
  await expect(page.getByRole('heading', { level: 1 })).not.toContainText(run?.name ?? '-');
  await page.keyboard.press('[');
  await expect(page.getByRole('heading', { level: 1 })).toContainText(run?.name ?? '-');

  // every control in turn has the focus where it can be seen
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const here = await page.evaluate(() => {
      const at = document.activeElement;
      const name = at?.getAttribute('aria-label') ?? at?.textContent?.trim() ?? '';
      const box = at?.getBoundingClientRect();
      return { name, hidden: !box || box.width === 0 };
    });
    expect(here.hidden, `focus is lost after ${[...seen].at(-1)}`).toBe(false);
    seen.add(here.name.slice(0, 40));
  }
  expect([...seen]).toEqual(expect.arrayContaining(['More about this run', 'Find in the config']));
});

test('live: it grows while one looks, and says when it ends', async ({ page, request }) => {
  test.setTimeout(90_000);
  const name = `live-run-page-${Date.now()}`;
  const python = process.env.PYTHON ?? '../.venv/bin/python';
  const child = spawn(python, ['e2e/notebook/live.py', name, '14', '20'], {
    env: { ...process.env, NOTABENE_STORE: process.env.NOTABENE_E2E_STORE, NOTABENE_QUIET: '1' },
    stdio: 'ignore',
  });
  try {
    let id = '';
    for (let i = 0; !id && i < 30; i++) {
      id = (await find(request, `name = "${name}"`))?.id ?? '';
      if (!id) await page.waitForTimeout(500);
    }
    // a server that was named has perhaps another store than this run was logged to
    test.skip(!id && Boolean(process.env.NOTABENE_E2E_URL), 'the store of the server is not known');
    expect(id).not.toBe('');
    await page.goto(`r/${id}?v=1&tab=console`);
    await expect(page.getByText('running', { exact: true }).first()).toBeVisible();
    const lines = page.getByRole('group', { name: 'Console' });
    await expect(lines.locator('.line').nth(2)).toBeVisible({ timeout: 15_000 });
    await expect(page.getByRole('switch', { name: 'follow' })).toBeChecked();

    await page.keyboard.press('1');
    await page.getByRole('heading', { level: 1 }).getByRole('button').click();
    await page.keyboard.type('half a na');
    await page.waitForTimeout(2500);
    await page.keyboard.type('me');
    await expect(page.getByRole('textbox', { name: 'name' })).toHaveValue('half a name');
    await page.keyboard.press('Enter');

    await expect(page.getByText('It finished while you looked')).toBeVisible({ timeout: 40_000 });
    await expect(page.getByText('finished', { exact: true }).first()).toBeVisible();
  } finally {
    child.kill();
  }
});
