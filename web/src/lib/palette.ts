/** What the command palette does with its words. */
import type { SearchHit } from '../api/types';
import { fieldOf } from './fields';
import { paths } from './paths';

/** How well the letters of `typed` stand in `text`, in order; 0 where they do not. */
export function score(typed: string, text: string): number {
  const wanted = typed.toLowerCase().replace(/\s+/g, '');
  const given = text.toLowerCase();
  if (!wanted) return 1;
  if (given.includes(typed.toLowerCase().trim()))
    return 1000 - given.indexOf(typed.toLowerCase().trim());
  let at = -1;
  let out = 500;
  for (const letter of wanted) {
    const next = given.indexOf(letter, at + 1);
    if (next < 0) return 0;
    const starts = next === 0 || /[\s/._-]/.test(given[next - 1] ?? '');
    out -= starts ? 0 : (next - at - 1) * 4 + 1;
    at = next;
  }
  return Math.max(1, out);
}

/** Those that fit, the best first; what fits equally well stays in order. */
export function rank<T>(typed: string, all: readonly T[], textOf: (one: T) => string): T[] {
  return all
    .map((one) => ({ one, score: score(typed, textOf(one)) }))
    .filter((x) => x.score > 0)
    .sort((a, b) => b.score - a.score)
    .map((x) => x.one);
}

/** Where a found thing is looked at. */
export function palettePath(hit: SearchHit, project = ''): string {
  const home = hit.project || project;
  switch (hit.kind) {
    case 'run':
      return paths.run(hit.run || hit.id);
    case 'project':
      return paths.project(hit.project || hit.id);
    case 'artifact':
      return paths.artifact(home, hit.title || hit.id);
    case 'note':
      return hit.run ? paths.run(hit.run) : paths.project(home, 'diary');
    case 'metric':
      return paths.project(home, 'charts', `v=1&match=${encodeURIComponent(hit.title)}`);
    case 'param':
    case 'tag':
      return paths.project(
        home,
        'runs',
        `v=1&add=${encodeURIComponent(fieldOf(hit.kind, hit.title))}`,
      );
  }
}
