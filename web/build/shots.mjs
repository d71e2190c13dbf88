// Pictures of pages: node build/shots.mjs http://127.0.0.1:7700 out name=/path …
// Each in light and dark, 1440 and 390 wide. ONLY=light-1440 for one of them; MOCK=file.json answers.
import { mkdirSync, readFileSync } from 'node:fs';
import { chromium } from '@playwright/test';

const [origin, out, ...pages] = process.argv.slice(2);
const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync'];
const args = ['--no-sandbox', '--no-first-run', ...quiet.map((x) => `--disable-${x}`)];
const browser = await chromium.launch({
  executablePath: process.env.NOTABENE_CHROMIUM ?? '/usr/bin/chromium',
  args,
});
mkdirSync(out, { recursive: true });
const mock = process.env.MOCK ? JSON.parse(readFileSync(process.env.MOCK, 'utf8')) : null;
const only = process.env.ONLY?.split(',');

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1440, 390]) {
    if (only && !only.includes(`${colorScheme}-${width}`)) continue;
    const context = await browser.newContext({
      colorScheme,
      viewport: { width, height: width > 500 ? 900 : 844 },
      hasTouch: width < 500,
    });
    for (const given of pages) {
      const [name, path] = given.split(/=(.*)/s);
      const page = await context.newPage();
      page.on('pageerror', (error) => process.stdout.write(`${name}: ${error.stack}\n`));
      page.on('console', (message) => {
        if (message.type() === 'error') process.stdout.write(`${name}: ${message.text()}\n`);
      });
      if (mock) {
        await page.route('**/api/v1/**', (route) => {
          const at = new URL(route.request().url()).pathname.replace('/api/v1', '');
          const answer = mock[at];
          if (answer) return route.fulfill({ json: answer });
          return route.fulfill({ status: 404, json: { code: 'x', message: `no ${at}`, hint: '' } });
        });
      }
      await page.goto(origin + path);
      if (process.env.STEPS) await (0, eval)(`(async (page) => {${process.env.STEPS}})`)(page);
      await page.waitForTimeout(Number(process.env.WAIT ?? 1200));
      await page.screenshot({ path: `${out}/${name}-${colorScheme}-${width}.png` });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
