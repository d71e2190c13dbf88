/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

import { budget } from './build/budget.ts';
import { compress } from './build/compress.ts';
import { early } from './build/early.ts';
import { licences } from './build/licences.ts';

const server = process.env.NOTABENE_DEV_SERVER ?? 'http://127.0.0.1:7700';

export default defineConfig({
  base: './',
  plugins: [
    svelte(),
    early('./theme.js'),
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
