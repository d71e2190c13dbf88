import type { Plugin } from 'vite';

/** Puts a plain script into the head, before all else: it runs before the first paint. */
export function early(src: string): Plugin {
  return {
    name: 'notabene-early',
    transformIndexHtml: {
      order: 'post',
      handler: () => [{ tag: 'script', attrs: { src }, injectTo: 'head' }],
    },
  };
}
