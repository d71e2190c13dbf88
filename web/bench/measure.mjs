// What pages cost in a browser. Reads one JSON command a line, answers with one JSON line each;
// bench/pages.py asks. {"do": "open", "url": …}, then commands about the page that is open.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import { chromium } from '@playwright/test';

const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync'];
const browser = await chromium.launch({
  executablePath: process.env.NOTABENE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--no-first-run', ...quiet.map((x) => `--disable-${x}`)],
});
const probe = readFileSync(new URL('probe.js', import.meta.url), 'utf8');
const LIMIT = 30_000;
let now;

/** A fresh context: nothing is in the cache. */
async function fresh({ width = 1600, height = 900 }) {
  await now?.context.close();
  const context = await browser.newContext({ viewport: { width, height } });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  await page.addInitScript(probe);
  const link = await context.newCDPSession(page);
  await link.send('Performance.enable');
  await link.send('Network.enable');
  now = { context, page, link, bytes: 0, scripts: [], errors: [] };
  link.on('Network.dataReceived', ({ encodedDataLength, dataLength }) => {
    now.bytes += encodedDataLength || dataLength;
  });
  page.on('pageerror', (error) => now.errors.push(String(error)));
  page.on('response', (answer) => {
    const type = answer.request().resourceType();
    if (type === 'script' || type === 'stylesheet') now.scripts.push(answer);
  });
  return now;
}

/** KB of scripts and styles that the page has loaded, each as gzip makes it. */
async function weight() {
  const bodies = await Promise.all(now.scripts.map((one) => one.body().catch(() => null)));
  const sizes = bodies.filter(Boolean).map((body) => gzipSync(body, { level: 9 }).length);
  return { kb: sizes.reduce((a, b) => a + b, 0) / 1000, files: sizes.length };
}

async function metrics() {
  const { metrics: all } = await now.link.send('Performance.getMetrics');
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Open a page in a browser that has nothing: when rows can be read, when a line is drawn. */
async function open({ url, width, height, rows = 0, lines = 0, charts = 0, peer = '' }) {
  const { page } = await fresh({ width, height });
  await page.goto(url, { waitUntil: 'commit' });
  const times = await page.evaluate(
    async ({ rows, lines, charts, peer, limit }) => {
      const p = window.__probe;
      const drawn = {
        '': () => p.firstLine > 0,
        trackio: () => document.querySelector('.vega-embed canvas, .vega-embed svg path') !== null,
        mlflow: () => document.querySelector('.js-plotly-plot path.js-line') !== null,
      }[peer];
      const [read, first, all] = await Promise.all([
        rows ? p.when(() => p.rows() >= rows, limit) : null,
        lines ? p.when(drawn, limit) : null,
        charts ? p.when(() => p.allDrawn(charts, lines) > 0, limit) : null,
      ]);
      return { rows: read, chart: first, all };
    },
    { rows, lines, charts, peer, limit: LIMIT },
  );
  const { ThreadTime } = await metrics();
  const { kb, files } = await weight();
  return { ...times, kb, files, page_cpu: ThreadTime * 1000, errors: now.errors };
}

/** What the page holds: DOM nodes, charts, MB of JavaScript. */
async function held() {
  await now.link.send('HeapProfiler.collectGarbage');
  const heap = await now.link.send('Runtime.getHeapUsage');
  const counts = await now.page.evaluate(() => ({
    nodes: document.querySelectorAll('*').length,
    charts: document.querySelectorAll('.uplot').length,
  }));
  const mb = (heap.usedSize + (heap.backingStorageSize ?? 0)) / 1e6;
  return { ...counts, heap_mb: mb };
}

async function boxOf(selector) {
  const box = await now.page.locator(selector).first().boundingBox();
  return { at: (x, y) => [box.x + box.width * x, box.y + box.height * y] };
}

/** Move over a chart: ms of script, and of the main thread in all, for each move. */
async function hover({ selector, moves = 60 }) {
  const box = await boxOf(selector);
  await now.page.mouse.move(...box.at(0.2, 0.5));
  await sleep(500);
  const before = await metrics();
  for (let i = 0; i < moves; i++) {
    const [x, y] = box.at(0.25 + (0.6 * i) / moves, 0.4 + 0.2 * Math.sin(i / 5));
    await now.link.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
    await sleep(40);
  }
  await sleep(300);
  const after = await metrics();
  const each = (name) => ((after[name] - before[name]) * 1000) / moves;
  return { script: each('ScriptDuration'), task: each('TaskDuration') };
}

/** Drag over a part of a chart: when all are redrawn, and when all are refined. */
async function zoom({ selector, from, to, charts }) {
  const box = await boxOf(selector);
  await now.page.mouse.move(...box.at(from, 0.5));
  await now.page.mouse.down();
  await now.page.mouse.move(...box.at((from + to) / 2, 0.5), { steps: 3 });
  await now.page.mouse.move(...box.at(to, 0.5), { steps: 3 });
  await now.page.mouse.up();
  const times = await now.page.evaluate(
    async ({ charts, limit }) => {
      const p = window.__probe;
      const begun = p.input.pointerup;
      await p.when(() => p.allDrawn(charts, 1, begun) > 0, limit);
      const answered = () => p.asked.filter((one) => one.begun > begun && one.ended > 0).length;
      await p.when(() => answered() >= charts, 10_000);
      for (let last = -1; last !== p.lastLine;) {
        last = p.lastLine;
        await new Promise((done) => setTimeout(done, 600));
      }
      const redrawn = p.allDrawn(charts, 1, begun) - begun;
      const ends = p.charts(begun).flatMap((all) => all.map((pass) => pass.painted));
      return { redrawn, refined: Math.max(...ends) - begun, asked: answered() };
    },
    { charts, limit: LIMIT },
  );
  await now.page.keyboard.press('0');
  await sleep(1500);
  return times;
}

/** Click or type, then wait until rows change no more: when the last change was on the screen. */
async function rows({ click, type }) {
  const { page } = now;
  await page.evaluate(() => {
    const p = window.__probe;
    if (!p.watching) p.watchRows();
    p.watching = true;
    p.lastRow = 0;
  });
  if (click) await page.locator(click).first().click();
  if (type) {
    await page.locator(type.into).first().fill(type.text);
    await page.waitForTimeout(500);
    await page.evaluate(() => (window.__probe.lastRow = 0));
    await page.keyboard.press('Enter');
  }
  return page.evaluate(async (limit) => {
    const p = window.__probe;
    const begun = Math.max(p.input.click ?? 0, p.input.keydown ?? 0);
    const first = await p.when(() => p.lastRow > begun, Math.min(limit, 20_000));
    if (first === null) return { first, last: null };
    const shown = p.lastRow;
    for (let last = -1; last !== p.lastRow;) {
      last = p.lastRow;
      await new Promise((done) => setTimeout(done, 1500));
    }
    return { first: shown - begun, last: p.lastRow - begun };
  }, LIMIT);
}

/** For some seconds: what charts tell, the page's CPU and bytes. */
async function watch({ seconds }) {
  await now.page.evaluate(() => {
    const p = window.__probe;
    if (!p.watchingCharts) p.watchCharts();
    p.watchingCharts = true;
    p.told.length = 0;
  });
  const [before, bytes] = [await metrics(), now.bytes];
  await sleep(seconds * 1000);
  const after = await metrics();
  const told = await now.page.evaluate(() => window.__probe.told);
  const of = (name) => (after[name] - before[name]) / seconds;
  return {
    told,
    cpu: of('ProcessTime'),
    script: of('ScriptDuration'),
    task: of('TaskDuration'),
    kb: (now.bytes - bytes) / 1000 / seconds,
    errors: now.errors,
  };
}

/** For looking into a page. */
const probed = ({ code }) => now.page.evaluate(code).then((found) => ({ found }));
const picture = ({ path }) => now.page.screenshot({ path }).then(() => ({}));
const commands = { open, held, hover, zoom, rows, watch, picture, probe: probed };

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = await commands[name](given);
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
