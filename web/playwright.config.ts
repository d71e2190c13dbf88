import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { defineConfig } from '@playwright/test';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['background-networking', 'component-update', 'sync'].map((x) => `--disable-${x}`);

// The browser: the one that is named, else Debian's, else playwright's own.
const debian = '/usr/bin/chromium';
const browser = process.env.NOTABENE_CHROMIUM ?? (existsSync(debian) ? debian : undefined);

// The server: the one that is named, else one of our own over a store made for the tests.
const port = process.env.NOTABENE_E2E_PORT ?? '7799';
const store = (process.env.NOTABENE_E2E_STORE ??= join(tmpdir(), `notabene-e2e-${port}`));
const url = process.env.NOTABENE_E2E_URL ?? `http://127.0.0.1:${port}/`;
const python = process.env.PYTHON ?? '../.venv/bin/python';

export default defineConfig({
  testDir: 'e2e',
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 20_000 }, // what it waits for, where a machine is slow
  reporter: [['list']],
  use: {
    baseURL: url,
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath: browser, args: [...flags, ...quiet] },
  },
  webServer: process.env.NOTABENE_E2E_URL
    ? undefined
    : {
        command: `"${python}" e2e/notebook/serve.py ${port} "${store}"`,
        url: `${url}health`,
        timeout: 120_000,
        reuseExistingServer: false,
      },
});
