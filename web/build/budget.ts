import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

interface Limits {
  /** KB of gzipped JS and CSS that a page may load at first, and all pages together. */
  first: number;
  all: number;
}

type Bundle = Rolldown.OutputBundle;

/** Says what the pages weigh, and fails the build beyond the limits. */
export function budget(page: string, limits: Limits): Plugin {
  return {
    name: 'notabene-budget',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const first = weigh(bundle, needed(bundle, page));
        const all = weigh(bundle, new Set(Object.keys(bundle)));
        const told = `${page}: ${first} KB gz of ${limits.first}; all pages: ${all} KB gz of ${limits.all}`;
        if (first > limits.first || all > limits.all) this.error(`too heavy: ${told}`);
        this.info(told);
      },
    },
  };
}

/** The files that are loaded when the page is opened: its chunk, the entry, and what they import. */
function needed(bundle: Bundle, page: string): Set<string> {
  const files = new Set<string>();
  const add = (name: string) => {
    const chunk = bundle[name];
    if (!chunk || chunk.type !== 'chunk' || files.has(name)) return;
    files.add(name);
    chunk.viteMetadata?.importedCss.forEach((css) => files.add(css));
    chunk.imports.forEach(add);
  };
  for (const [name, chunk] of Object.entries(bundle)) {
    if (chunk.type === 'chunk' && (chunk.isEntry || chunk.facadeModuleId?.endsWith(page)))
      add(name);
  }
  return files;
}

function weigh(bundle: Bundle, names: Set<string>): number {
  let size = 0;
  for (const name of names) {
    const file = bundle[name];
    if (!file || !/\.(js|css)$/.test(name)) continue;
    size += gzipSync(file.type === 'chunk' ? file.code : file.source, { level: 9 }).length;
  }
  return Math.round(size / 1000);
}
