/** What records say: the panel of a run, why two runs differ, where the work went, what came from what. */
import { test, type APIRequestContext } from '@playwright/test';

import { expect, expectAccessible, expectFits, PATIENT, watchErrors } from './kit';

const PHONE = { width: 390, height: 844 };

/** Ids of the lab's runs of a name, the oldest first. */
async function lab(request: APIRequestContext, name: string): Promise<string[]> {
  const params = { project: 'lab', where: `name = "${name}"`, order: 'created', limit: '10' };
  const answer = await request.get('api/v1/runs/table', { params });
  return ((await answer.json()) as { ids: string[] }).ids;
}

test.describe.configure(PATIENT);

test.describe('record', () => {
  test('says what is missing, where, and how to mend it', async ({ page, request }) => {
    const errors = watchErrors(page);
    const [run = ''] = await lab(request, 'plain');
    await page.goto(`r/${run}`);
    await page.getByRole('link', { name: /gaps in the record/ }).click();
    const findings = page.getByRole('list', { name: 'Findings' });
    const first = findings.getByRole('listitem').first();
    await expect(first).toContainText('gap');
    await expect(first).toContainText(/train\.py:\d+/);
    await expect(findings).toContainText('unseeded randomness');
    await expect(findings).toContainText('give it a seed');
    await expect(page.getByText('untested')).toBeVisible();
    await expect(page.getByRole('list', { name: 'Files that went in' })).toContainText('train.csv');
    await expect(page.getByRole('list', { name: 'Files that came out' })).toContainText(
      'model.npz',
    );
    await expect(page.getByRole('list', { name: 'Parameters seen' })).toContainText('wd');
    await expect(page.getByText(`notabene reproduce ${run}`, { exact: true })).toBeVisible();
    await page.getByRole('button', { name: 'This view as code' }).click();
    await expect(page.getByText(`notabene check ${run}`)).toBeVisible();
    await page.keyboard.press('Escape');
    await expectAccessible(page);
    await page.setViewportSize(PHONE);
    await expectFits(page);
    expect(errors).toEqual([]);
  });

  test('names the rerun that has proven it', async ({ page, request }) => {
    const proven = await request.get('api/v1/runs/table', {
      params: { project: 'lab', where: "facts.proof = 'proven'", fields: 'name' },
    });
    const [run = ''] = ((await proven.json()) as { ids: string[] }).ids;
    await page.goto(`r/${run}?v=1&tab=record`);
    await expect(page.getByRole('status').getByText('proven', { exact: true })).toBeVisible();
    await expect(page.getByText('the same bits')).toBeVisible();
    await page.getByRole('link', { name: /again/ }).first().click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('again');
  });

  test('is a column of the table of runs', async ({ page }) => {
    await page.goto('p/lab/runs?v=1&cols=status,facts.record,facts.proof&charts=0');
    const table = page.getByRole('table', { name: 'Runs' });
    await expect(table.getByText(/^\d gaps$/).first()).toBeVisible();
    await expect(table.getByText('proven', { exact: true })).toBeVisible();
    await table
      .getByRole('button', { name: /^record/ })
      .first()
      .click();
    await expect(page).toHaveURL(/sort=-?facts\.record/);
  });
});

test.describe('why', () => {
  test('tells an effect that was seen before', async ({ page, request }) => {
    const errors = watchErrors(page);
    const [a = ''] = await lab(request, 'plain');
    const [b = ''] = await lab(request, 'wd=0.3');
    await page.goto(`p/lab/compare?v=1&runs=${a},${b}`);
    await page.getByRole('tab', { name: 'Why' }).click();
    await expect(page.getByText('wd (0 → 0.3) is all that differs.')).toBeVisible();
    const causes = page.getByRole('list', { name: 'What may be why' });
    await expect(causes).toContainText(/moved val\/acc by .+ in \d pairs? of runs/);
    const differences = page.getByRole('table', { name: 'Differences', exact: true });
    await expect(differences.getByRole('row', { name: /argument wd/ })).toContainText('not logged');
    await expect(page.getByRole('list', { name: 'Metrics that differ' })).toContainText('step 0');
    await page.getByRole('button', { name: 'This view as code' }).click();
    await expect(page.getByText(/notabene why/)).toBeVisible();
    expect(errors).toEqual([]);
  });

  test('shows code side by side, and sets edits of comments aside', async ({ page, request }) => {
    const [a = ''] = await lab(request, 'seed=3');
    const [b = ''] = await lab(request, 'seed=3 lr=0.2');
    const [old = ''] = await lab(request, 'seed=2');
    await page.goto(`p/lab/compare?v=1&runs=${a},${b},${old}&tab=why`);
    await expect(page.getByText(/^Cannot tell: 2 inputs changed together/)).toBeVisible();
    await expect(page.getByText(/notabene rerun .* --set lr=0.2/)).toBeVisible();
    const code = page.getByRole('group', { name: 'Changes of train.py' });
    await expect(code).toContainText('SCALE = 0.9');
    await expectAccessible(page);
    await page.getByLabel('Held against the reference').selectOption(old);
    await expect(page.getByText('in comments and layout alone')).toBeVisible();
    await page.getByRole('button', { name: /train\.py/ }).click();
    await expect(code).toContainText('Fits a straight line');
    await page.setViewportSize(PHONE);
    await expectFits(page);
    await expectAccessible(page);
  });
});

test('waste: each figure leads to the runs behind it', async ({ page }) => {
  const errors = watchErrors(page);
  await page.goto('p/lab/runs');
  await page.keyboard.press('g');
  await page.keyboard.press('w');
  await expect(page).toHaveURL(/p\/lab\/waste/);
  await expect(page.getByRole('heading', { name: 'Where the work went' })).toBeVisible();
  const groups = page.getByRole('list', { name: 'Groups of equal runs' });
  await expect(groups.getByRole('listitem').first()).toContainText('train.py');
  await expect(page.getByRole('row', { name: /ValueError/ })).toBeVisible();
  await expect(page.getByRole('list', { name: 'Work by week' })).toContainText(/\d+ runs/);
  await expectAccessible(page);
  await page
    .getByRole('row', { name: /ValueError/ })
    .getByRole('link')
    .first()
    .click();
  await expect(page).toHaveURL(/p\/lab\/runs/);
  await expect(page.getByRole('table', { name: 'Runs' })).toContainText('lr=7');
  await page.goto('p/lab/waste');
  await page.setViewportSize(PHONE);
  await expect(groups).toBeVisible();
  await expectFits(page);
  expect(errors).toEqual([]);
});

test('lineage by content, without a word about it in the programs', async ({ page, request }) => {
  const [run = ''] = await lab(request, 'evaluate');
  await page.goto(`r/${run}?v=1&tab=lineage`);
  const graph = page.getByRole('group', { name: 'Lineage as a graph' });
  for (const name of ['prepare', 'train.csv', 'model.npz', 'report.txt']) {
    await expect(graph.getByText(name, { exact: true }).first()).toBeVisible();
  }
  await expectAccessible(page);
  await page.getByText('as a table').click();
  await expect(page.getByRole('group', { name: 'Lineage as a table' })).toContainText('report.txt');
});
