/**
 * Colours of a terminal: `ESC [ … m` read into spans of text, and colours that can be read on
 * both grounds. Other escapes are left out.
 */

/** One of the sixteen colours by number, or red, green and blue. */
export type Colour = number | readonly [number, number, number];

export interface Style {
  fg?: Colour;
  bg?: Colour;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
}

export interface Span {
  text: string;
  style: Style | null;
  /** Part of a match of the search; the number of the match in the line. */
  match?: number;
}

// eslint-disable-next-line no-control-regex -- it is what terminals are told with
const ESCAPE = /\x1b(?:\[([0-9;:]*)m|\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.?)/g;

export function parseAnsi(text: string): Span[] {
  if (!text.includes('\x1b')) return text ? [{ text, style: null }] : [];
  const out: Span[] = [];
  let style: Style | null = null;
  let from = 0;
  const put = (end: number) => {
    if (end > from) out.push({ text: text.slice(from, end), style });
  };
  for (const match of text.matchAll(ESCAPE)) {
    put(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) style = apply(style, match[1]);
  }
  put(text.length);
  return out;
}

export const plainText = (text: string): string =>
  text.includes('\x1b') ? text.replace(ESCAPE, '') : text;

function apply(before: Style | null, codes: string): Style | null {
  const style: Style = { ...before };
  const all = codes.split(/[;:]/).map(Number);
  for (let i = 0; i < all.length; i += 1) {
    const code = all[i] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, used] = extended(all.slice(i + 1));
      if (colour !== null) style[code === 38 ? 'fg' : 'bg'] = colour;
      i += used;
    } else if (code === 0) {
      for (const key of Object.keys(style)) delete style[key as keyof Style];
    } else change(style, code);
  }
  return Object.keys(style).length ? style : null;
}

const ON: Record<number, keyof Style> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  7: 'inverse',
  9: 'strike',
};
const OFF: Record<number, (keyof Style)[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['strike'],
  39: ['fg'],
  49: ['bg'],
};

function change(style: Style, code: number): void {
  const on = ON[code];
  if (on) Object.assign(style, { [on]: true });
  for (const off of OFF[code] ?? []) delete style[off];
  if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code >= 90 && code <= 97) style.fg = code - 82;
  else if (code >= 100 && code <= 107) style.bg = code - 92;
}

/** `5;n` of 256 colours or `2;r;g;b`; and how many numbers that took. */
function extended(rest: number[]): [Colour | null, number] {
  if (rest[0] === 2) return [[byte(rest[1]), byte(rest[2]), byte(rest[3])], 4];
  if (rest[0] !== 5) return [null, 0];
  const n = byte(rest[1]);
  if (n < 16) return [n, 2];
  if (n >= 232) return [[8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10], 2];
  const level = (k: number) => (k ? 55 + 40 * k : 0);
  const cube = n - 16;
  return [[level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)], 2];
}

const byte = (value = 0) => Math.max(0, Math.min(255, Number.isFinite(value) ? value : 0));

/** Cuts spans where matches begin and end. Ranges are in the plain text, in order. */
export function highlight(spans: readonly Span[], ranges: readonly [number, number][]): Span[] {
  if (!ranges.length) return [...spans];
  const out: Span[] = [];
  let at = 0;
  for (const span of spans) {
    let from = at;
    const end = at + span.text.length;
    for (const [i, [low, high]] of ranges.entries()) {
      if (high <= from || low >= end) continue;
      if (low > from) out.push({ text: span.text.slice(from - at, low - at), style: span.style });
      const [a, b] = [Math.max(low, from), Math.min(high, end)];
      out.push({ text: span.text.slice(a - at, b - at), style: span.style, match: i });
      from = b;
    }
    if (from < end) out.push({ text: span.text.slice(from - at), style: span.style });
    at = end;
  }
  return out;
}

/** Where a search matches in a plain text; nothing for one that cannot be read. */
export function findIn(text: string, search: string, regex: boolean): [number, number][] {
  if (!search) return [];
  let pattern: RegExp;
  try {
    pattern = new RegExp(regex ? search : search.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
  } catch {
    return [];
  }
  const out: [number, number][] = [];
  for (const match of text.matchAll(pattern)) {
    if (match[0]) out.push([match.index, match.index + match[0].length]);
    if (out.length >= 200) break;
  }
  return out;
}

type Rgb = readonly [number, number, number];
/** Of a marked line, on which it is hardest to read. */
const GROUND: Record<'light' | 'dark', Rgb> = { light: [227, 233, 245], dark: [36, 50, 74] };
const TEXT: Record<'light' | 'dark', Rgb> = { light: [23, 26, 32], dark: [231, 234, 239] };

/** The sixteen, in the middle: `legible` moves them to where they can be read. */
const SIXTEEN: readonly Rgb[] = [
  [60, 66, 78],
  [200, 48, 40],
  [30, 134, 62],
  [168, 104, 0],
  [38, 98, 220],
  [170, 56, 150],
  [12, 122, 160],
  [150, 158, 170],
  [110, 118, 132],
  [240, 84, 72],
  [64, 176, 96],
  [214, 150, 40],
  [92, 146, 255],
  [222, 110, 204],
  [60, 176, 216],
  [190, 196, 206],
];

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** The colour, moved towards black or white until it stands out from its ground. */
export function legible(colour: Rgb, ground: Rgb, least = 4.6): Rgb {
  const to: Rgb =
    contrast([255, 255, 255], ground) > contrast([0, 0, 0], ground) ? [255, 255, 255] : [0, 0, 0];
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = colour.map((v, i) => Math.round(v + ((to[i] ?? 0) - v) * share));
    if (contrast(mixed as unknown as Rgb, ground) >= least) return mixed as unknown as Rgb;
  }
  return to;
}

export interface Look {
  color?: string;
  background?: string;
}

const looks = new Map<string, Look>();
const css = (rgb: Rgb) => `rgb(${rgb.join(' ')})`;
const rgbOf = (colour: Colour): Rgb =>
  typeof colour === 'number' ? (SIXTEEN[colour % 16] as Rgb) : colour;

/** What a style looks like in a theme. */
export function lookOf(style: Style, dark: boolean): Look {
  const key = `${dark} ${style.fg} ${style.bg} ${style.inverse} ${style.dim}`;
  let found = looks.get(key);
  if (!found) looks.set(key, (found = makeLook(style, dark ? 'dark' : 'light')));
  return found;
}

function makeLook(style: Style, theme: 'light' | 'dark'): Look {
  let fg = style.fg === undefined ? null : rgbOf(style.fg);
  let bg = style.bg === undefined ? null : rgbOf(style.bg);
  if (style.inverse) [fg, bg] = [bg ?? GROUND[theme], fg ?? TEXT[theme]];
  const ground = bg ?? GROUND[theme];
  if (style.dim && !fg) fg = theme === 'dark' ? [150, 158, 170] : [98, 106, 120];
  const out: Look = {};
  if (fg || bg) out.color = css(legible(fg ?? TEXT[theme], ground));
  if (bg) out.background = css(bg);
  return out;
}
