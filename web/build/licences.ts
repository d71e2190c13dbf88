import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Adds licences.txt with the licences of what is bundled. */
export function licences(packages: string[]): Plugin {
  return {
    name: 'notabene-licences',
    apply: 'build',
    generateBundle() {
      const parts = packages.map((name) => {
        const folder = join('node_modules', name);
        const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const text = readLicence(folder);
        return `${name} ${version}\n\n${text.trim()}\n`;
      });
      const source = parts.join(`\n${'-'.repeat(72)}\n\n`);
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
    },
  };
}

function readLicence(folder: string): string {
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENCE']) {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch {
      // the next name
    }
  }
  throw new Error(`no licence text in ${folder}`);
}
