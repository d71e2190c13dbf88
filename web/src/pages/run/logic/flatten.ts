/** Nested facts as rows, for everything that was recorded and has no view of its own. */
import type { Json } from '../../../api/types';
import { formatBytes, formatTime } from '../../../lib/format';

export interface Fact {
  path: string[];
  depth: number;
  name: string;
  /** Undefined: a heading over what follows. */
  value: Json | undefined;
}

const MOST = 5000;

/** Rows of a value, headings before what is below them; lists of plain values stay one row. */
export function facts(value: Json, skip: ReadonlySet<string> = new Set()): Fact[] {
  const out: Fact[] = [];
  walk(value, [], out, skip);
  return out;
}

function walk(value: Json, path: string[], out: Fact[], skip: ReadonlySet<string>): void {
  if (out.length >= MOST || value === null || typeof value !== 'object') return;
  for (const [name, part] of Object.entries(value)) {
    const here = [...path, name];
    if (skip.has(here.join('.'))) continue;
    const label = Array.isArray(value) ? `${Number(name) + 1}.` : name;
    const nested = isNested(part);
    out.push({ path: here, depth: path.length, name: label, value: nested ? undefined : part });
    if (nested) walk(part, here, out, skip);
  }
}

function isNested(value: Json): value is Json[] | { [key: string]: Json } {
  if (value === null || typeof value !== 'object') return false;
  if (!Array.isArray(value)) return Object.keys(value).length > 0;
  return value.some((item) => item !== null && typeof item === 'object');
}

export const words = (name: string): string => name.replace(/_/g, ' ');

const SIZES = /^(total|free|memory|limit|size|kept|used|bytes)$/;

/** A recorded value in one line: sizes and times with their units. */
export function factText(name: string, value: Json, path: readonly string[] = []): string {
  if (value === null) return '(none)';
  if (Array.isArray(value)) return value.length ? value.map((v) => plain(v)).join(' ') : '(none)';
  if (typeof value === 'object') return '(none)';
  if (typeof value === 'number' && SIZES.test(name) && value > 9999) return formatBytes(value);
  if (typeof value === 'number' && name === 'time' && path.includes('git')) {
    return formatTime(value * 1e6);
  }
  return plain(value);
}

function plain(value: Json): string {
  if (typeof value === 'string') return value === '' ? "''" : value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return JSON.stringify(value);
}

export interface Package {
  name: string;
  version: string;
  /** Where it came from, if not from an index. */
  origin: string;
}

/** `{"numpy": "2.4", "own": {"version": "0.1", "editable": true, "url": …}}` as a list. */
export function packagesOf(given: Json | undefined): Package[] {
  if (!given || typeof given !== 'object' || Array.isArray(given)) return [];
  return Object.entries(given)
    .map(([name, value]): Package => {
      if (!value || typeof value !== 'object' || Array.isArray(value)) {
        return { name, version: String(value ?? ''), origin: '' };
      }
      const { version, editable, url, commit } = value;
      const parts = [editable ? 'editable' : '', url, commit].filter((part) => Boolean(part));
      return { name, version: String(version ?? ''), origin: parts.map(String).join(' ') };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Packages whose version is another one, or that only one of the two has. */
export function packageChanges(
  mine: readonly Package[],
  other: readonly Package[],
): Map<string, string> {
  const theirs = new Map(other.map((one) => [one.name, one.version]));
  const out = new Map<string, string>();
  for (const { name, version } of mine) {
    const before = theirs.get(name);
    if (before === undefined) out.set(name, '');
    else if (before !== version) out.set(name, before);
    theirs.delete(name);
  }
  return out;
}
