import { defineConfig } from '@playwright/test';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['background-networking', 'component-update', 'sync'].map((x) => `--disable-${x}`);

/** NOTABENE_E2E_URL: a running server; NOTABENE_CHROMIUM: the browser, else playwright's own. */
export default defineConfig({
  testDir: 'e2e',
  workers: 1,
  timeout: 30_000,
  reporter: [['list']],
  use: {
    baseURL: process.env.NOTABENE_E2E_URL ?? 'http://127.0.0.1:7700/',
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.NOTABENE_CHROMIUM,
      args: [...flags, ...quiet],
    },
  },
});
