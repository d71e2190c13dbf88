/** What the browser tests share. */
import AxeBuilder from '@axe-core/playwright';
import { expect, type APIRequestContext, type Page } from '@playwright/test';

export { expect };
/** The tests may share two cores with others. */
export const PATIENT = { timeout: 120_000 };

/** No serious fault of accessibility, in both themes. */
export async function expectAccessible(page: Page, without: string[] = []): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const builder = new AxeBuilder({ page });
    for (const one of without) builder.exclude(one);
    const { violations } = await builder.analyze();
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const told = grave.map(
      ({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map((node) => node.html).join(' | ')}`,
    );
    expect(told).toEqual([]);
  }
}

/** Ids of runs that a search finds. */
export async function runIds(
  request: APIRequestContext,
  where: string,
  more: Record<string, string> = {},
): Promise<string[]> {
  const params = { project: 'vision', where, limit: '10', ...more };
  const answer = await request.get('api/v1/runs/table', { params });
  return ((await answer.json()) as { ids: string[] }).ids;
}

/** Fails the test where the page throws or logs an error. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('dialog', (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return errors;
}

/** The page does not scroll sideways. */
export async function expectFits(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const main = document.getElementById('main');
    return (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0);
  });
  expect(wide).toBeLessThanOrEqual(0);
}
