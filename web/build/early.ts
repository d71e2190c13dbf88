import type { Plugin } from 'vite';

/**
 * Puts a plain script before styles and modules, which runs before the first paint; and behind it
 * a module that waits for nothing: it asks the server while all else is on its way.
 */
export function early(src: string, chunk: string): Plugin {
  return {
    name: 'notabene-early',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const found = Object.values(bundle ?? {}).find(
          (one) => one.type === 'chunk' && one.isEntry && one.name === chunk,
        );
        const asks = found
          ? `<script type="module" async crossorigin src="./${found.fileName}"></script>\n    `
          : '';
        const before = `<script src="${src}"></script>\n    ${asks}<link rel="icon"`;
        return html.replace('<link rel="icon"', before);
      },
    },
  };
}
