import { spawn, type ChildProcess } from 'node:child_process';
import { test } from '@playwright/test';

import { expect, PATIENT, runIds } from './kit';

test.describe.configure(PATIENT);

test.describe('live', () => {
  let child: ChildProcess | undefined;

  test.beforeEach(() => {
    child = undefined;
  });
  test.afterEach(() => {
    child?.kill('SIGINT');
  });

  function start(name: string, seconds: number, silence = 0) {
    const python = process.env.PYTHON ?? '../.venv/bin/python';
    const env = {
      ...process.env,
      NOTABENE_STORE: process.env.NOTABENE_E2E_STORE,
      NOTABENE_QUIET: '1',
    };
    const words = [name, String(seconds), '10', String(silence)];
    child = spawn(python, ['e2e/notebook/live.py', ...words], { env, stdio: 'ignore' });
  }

  test('a run appears in the table by itself, and its curve grows', async ({ page }) => {
    test.skip(Boolean(process.env.NOTABENE_E2E_URL), 'needs the store of the tests');
    const name = `live-${Date.now()}`;
    await page.goto('p/vision/runs');
    await expect(page.getByText(/of \d+ runs/).first()).toBeVisible();
    start(name, 40);
    const row = page.getByRole('row').filter({ hasText: name });
    await expect(row).toBeVisible({ timeout: 30_000 });
    await expect(row.getByText('running')).toBeVisible();

    await page.goto(
      `p/vision/charts?v=1&match=train/loss&q=${encodeURIComponent(`name = '${name}'`)}`,
    );
    const footer = page
      .getByRole('region', { name: 'train/loss', exact: true })
      .getByText(/points/);
    await expect(footer).toBeVisible();
    const before = await footer.innerText();
    await expect(footer).not.toHaveText(before, { timeout: 20_000 });
  });

  test('a chart comes when the run logs what it lacked', async ({ page }) => {
    test.skip(Boolean(process.env.NOTABENE_E2E_URL), 'needs the store of the tests');
    const name = `silent-${Date.now()}`;
    start(name, 30, 25);
    await page.goto('p/vision/runs');
    await expect(page.getByRole('row').filter({ hasText: name })).toBeVisible({ timeout: 30_000 });
    await page.goto(
      `p/vision/charts?v=1&match=train/loss&q=${encodeURIComponent(`name = '${name}'`)}`,
    );
    await expect(page.getByText('In none of these runs: train/loss')).toBeVisible();
    const chart = page.getByRole('region', { name: 'train/loss', exact: true });
    await expect(chart.getByText(/points/)).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText('In none of these runs')).toBeHidden();
  });

  test('a run that begins is drawn beside those that are further', async ({ page, request }) => {
    test.skip(Boolean(process.env.NOTABENE_E2E_URL), 'needs the store of the tests');
    const [far = ''] = await runIds(request, 'metrics."train/loss".n > 500', { order: 'created' });
    const name = `behind-${Date.now()}`;
    start(name, 40, 15);
    await page.goto('p/vision/runs');
    await expect(page.getByRole('row').filter({ hasText: name })).toBeVisible({ timeout: 30_000 });
    const search = encodeURIComponent(`name = '${name}' or id = '${far}'`);
    await page.goto(`p/vision/charts?v=1&match=train/loss&q=${search}`);
    const chart = page.getByRole('region', { name: 'train/loss', exact: true });
    await expect(chart.getByText(/points/)).toBeVisible();
    await expect(chart.getByText('1 run lacks it')).toBeVisible();
    await expect(chart.getByText('1 run lacks it')).toBeHidden({ timeout: 40_000 });
  });

  test('a tab that was opened in the background shows what came since', async ({ page }) => {
    test.skip(Boolean(process.env.NOTABENE_E2E_URL), 'needs the store of the tests');
    await page.addInitScript(() => {
      let hidden = true;
      Object.defineProperty(document, 'hidden', { get: () => hidden });
      Object.assign(window, {
        show: () => {
          hidden = false;
          document.dispatchEvent(new Event('visibilitychange'));
        },
      });
    });
    await page.goto('p/vision/runs');
    await expect(page.getByText(/of \d+ runs/).first()).toBeVisible();
    const name = `meanwhile-${Date.now()}`;
    start(name, 3);
    await new Promise((done) => child?.on('exit', done));
    await page.evaluate('show()');
    await expect(page.getByRole('row').filter({ hasText: name })).toBeVisible();
  });

  test('a server slower than the news shows a run at work', async ({ page, request }) => {
    test.skip(Boolean(process.env.NOTABENE_E2E_URL), 'needs the store of the tests');
    const name = `slow-${Date.now()}`;
    start(name, 60);
    await expect.poll(() => runIds(request, `name = '${name}'`)).toHaveLength(1);
    const [id = ''] = await runIds(request, `name = '${name}'`);
    await page.route(`**/api/v1/runs/${id}`, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await route.continue().catch(() => undefined);
    });
    await page.goto(`r/${id}`);
    await expect(page.getByRole('heading', { name })).toBeVisible({ timeout: 30_000 });
  });
});
