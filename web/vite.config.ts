/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

import { budget } from './build/budget.ts';
import { compress } from './build/compress.ts';
import { early } from './build/early.ts';
import { licences } from './build/licences.ts';

const server = process.env.NOTABENE_DEV_SERVER ?? 'http://127.0.0.1:7700';

const SELDOM = /LineageGraph|FileTree|filetree|Preview|[Mm]arkdown|Sparkline/;
const CHARTS = /\/lib\/chart\/|LineChart|Readout|\/lib\/series|\/node_modules\/uplot\//;
const WORK = /\/src\/pages\/(runs|charts)\//;
const BASE =
  /\/node_modules\/svelte\/|\/src\/(lib|api|components)\/|\/pages\/settings\/(prefs|times)/;

const EARLY = /\/src\/(early|lib\/(first|fields))\.ts$/;

const GROUPS = [
  { name: 'early', test: (id: string) => EARLY.test(id), priority: 2 },
  {
    name: 'base',
    priority: 1,
    test: (id: string) => BASE.test(id) && !SELDOM.test(id) && !CHARTS.test(id),
  },
  { name: 'work', test: (id: string) => WORK.test(id) || CHARTS.test(id) },
];

export default defineConfig({
  base: './',
  plugins: [
    svelte(),
    early('./theme.js', 'early'),
    licences(['svelte', 'uplot']),
    compress(1024),
    budget('pages/runs/Runs.svelte', { first: 160, all: 360 }),
  ],
  build: {
    outDir: process.env.NOTABENE_WEB_OUT ?? '../src/notabene/server/static',
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // A browser without a cache asks for each file: few files, of what is wanted together.
      input: { index: 'index.html', early: 'src/early.ts' },
      output: { codeSplitting: { groups: GROUPS } },
    },
  },
  server: {
    port: 7701,
    strictPort: true,
    // The server checks Host and Origin, so both have to look as if the page came from it.
    proxy: {
      '^/(api|health)(/|$)': {
        target: server,
        changeOrigin: true,
        configure: (proxy) => {
          proxy.on('proxyReq', (request) => {
            if (request.getHeader('origin')) request.setHeader('origin', server);
          });
        },
      },
    },
  },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'node',
  },
});
