/**
 * The state of a view as the text of a query: compact (what is as by default is left out),
 * versioned (`v=1`), and forgiving (what cannot be read is as by default).
 */

export interface Codec<T> {
  initial: T;
  read(text: string): T | undefined;
  write(value: T): string;
}

export type Schema = Record<string, Codec<unknown>>;
export type StateOf<S extends Schema> = { [K in keyof S]: S[K]['initial'] };

export const VERSION = '1';

export const text = (initial = ''): Codec<string> => ({
  initial,
  read: (given) => given,
  write: (value) => value,
});

export const flag = (initial = false): Codec<boolean> => ({
  initial,
  read: (given) => given === '1',
  write: (value) => (value ? '1' : '0'),
});

export const number = (initial: number, low = -Infinity, high = Infinity): Codec<number> => ({
  initial,
  read(given) {
    const value = Number(given);
    return given.trim() && Number.isFinite(value)
      ? Math.min(high, Math.max(low, value))
      : undefined;
  },
  write: (value) => String(value),
});

export const choice = <const C extends string>(
  choices: readonly C[],
  initial: NoInfer<C>,
): Codec<C> => ({
  initial,
  read: (given) => choices.find((x) => x === given),
  write: (value) => value,
});

/** Words with commas between them; a comma or backslash in a word is escaped by a backslash. */
export const list = (initial: readonly string[] = []): Codec<string[]> => ({
  initial: [...initial],
  read: splitList,
  write: joinList,
});

/** Anything JSON can hold, checked on reading. */
export const json = <T>(initial: T, check: (value: unknown) => T | undefined): Codec<T> => ({
  initial,
  read(given) {
    try {
      return check(JSON.parse(given));
    } catch {
      return undefined;
    }
  },
  write: (value) => JSON.stringify(value),
});

export function joinList(words: readonly string[]): string {
  if (words.length === 1 && words[0] === '') return '\\';
  return words.map((word) => word.replace(/[\\,]/g, '\\$&')).join(',');
}

export function splitList(given: string): string[] {
  if (given === '') return [];
  if (given === '\\') return [''];
  const words = [''];
  for (let i = 0; i < given.length; i++) {
    const char = given[i] ?? '';
    if (char === '\\') words[words.length - 1] += given[++i] ?? '';
    else if (char === ',') words.push('');
    else words[words.length - 1] += char;
  }
  return words;
}

export function readView<S extends Schema>(schema: S, query: string): StateOf<S> {
  const given = new URLSearchParams(query);
  const state: Record<string, unknown> = {};
  for (const [name, codec] of Object.entries(schema)) {
    const value = given.get(name);
    state[name] = (value === null ? undefined : codec.read(value)) ?? codec.initial;
  }
  return state as StateOf<S>;
}

/** The query's text; names the schema does not know are kept from `before`. */
export function writeView<S extends Schema>(
  schema: S,
  state: Partial<StateOf<S>>,
  before = '',
): string {
  const out = new URLSearchParams();
  for (const [name, codec] of Object.entries(schema)) {
    const value = state[name];
    if (value === undefined) continue;
    const written = codec.write(value);
    if (written !== codec.write(codec.initial)) out.set(name, written);
  }
  for (const [name, value] of new URLSearchParams(before)) {
    if (name !== 'v' && !(name in schema)) out.append(name, value);
  }
  const body = pretty(out);
  return body && `v=${VERSION}&${body}`;
}

/** Percent signs only where an address needs them: links are read by people. */
function pretty(query: URLSearchParams): string {
  return query
    .toString()
    .replace(/%(2C|2F|3A|40|7E|21|28|29|24|27)/g, (code) => decodeURIComponent(code));
}
