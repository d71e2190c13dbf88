import type { Plugin } from 'vite';

/** Puts a plain script before styles and modules: it runs before the first paint. */
export function early(src: string): Plugin {
  return {
    name: 'notabene-early',
    transformIndexHtml: {
      order: 'post',
      handler: (html) =>
        html.replace('<link rel="icon"', `<script src="${src}"></script>\n    <link rel="icon"`),
    },
  };
}
