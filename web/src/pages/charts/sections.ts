/** Metrics by the prefix of their names: `val/acc` stands in the section `val`. */

export interface Section {
  name: string;
  keys: string[];
}

/** What has no prefix comes first, machine metrics last; inside, `a2` before `a10`. */
export function sectionsOf(keys: readonly string[]): Section[] {
  const byName = new Map<string, string[]>();
  for (const key of keys) {
    const name = sectionOf(key);
    const there = byName.get(name);
    if (there) there.push(key);
    else byName.set(name, [key]);
  }
  return [...byName]
    .map(([name, inside]) => ({ name, keys: inside.sort(natural) }))
    .sort((a, b) => order(a.name) - order(b.name) || natural(a.name, b.name));
}

export function sectionOf(key: string): string {
  const cut = key.lastIndexOf('/');
  return cut > 0 ? key.slice(0, cut) : '';
}

const order = (name: string) => (name === '' ? 0 : /^(system|sys|host|gpu)\b/.test(name) ? 2 : 1);
const collator = new Intl.Collator('en', { numeric: true });
export const natural = (a: string, b: string) => collator.compare(a, b);

/** A test by regular expression; by the plain words where it is none. */
export function matcher(pattern: string): (key: string) => boolean {
  if (!pattern.trim()) return () => true;
  try {
    const expression = new RegExp(pattern, 'i');
    return (key) => expression.test(key);
  } catch {
    const plain = pattern.toLowerCase();
    return (key) => key.toLowerCase().includes(plain);
  }
}

/** What is wrong with a regular expression, in its own words; '' where nothing is. */
export function patternError(pattern: string): string {
  try {
    void new RegExp(pattern, 'i');
    return '';
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^.*?:\s*/, '') : String(error);
  }
}
