/** A run's config as people look at it: as a tree or flat, searched, against another run's. */
import type { Json } from '../../../api/types';
import { fullValue } from '../../../lib/format';

export type Params = Record<string, Json>;
export type Change = 'same' | 'added' | 'removed' | 'changed';

export interface ConfigRow {
  /** Dotted path, as the API has it. */
  path: string;
  /** What is shown: the last part in the tree, all of it when flat. */
  name: string;
  depth: number;
  /** A folder of the tree: how many values are below it. */
  folder: boolean;
  count: number;
  value: Json | undefined;
  other: Json | undefined;
  change: Change;
}

/** Parts of a path: a dot or backslash within a part has a backslash before it. */
export function splitPath(path: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < path.length; i++) {
    const char = path[i] ?? '';
    if (char === '\\' && i + 1 < path.length) part += path[++i] ?? '';
    else if (char === '.') {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part];
}

/** Equal as JSON, whatever the order of keys. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.keys(a), Object.keys(b)];
  return (
    left.length === right.length &&
    left.every((key) => key in b && same(a[key as never], b[key as never]))
  );
}

export function changeOf(mine: Json | undefined, other: Json | undefined): Change {
  if (mine === undefined) return other === undefined ? 'same' : 'removed';
  if (other === undefined) return 'added';
  return same(mine, other) ? 'same' : 'changed';
}

export interface Options {
  /** The config to compare with, or null. */
  other: Params | null;
  search: string;
  flat: boolean;
  /** Only what differs. */
  differing: boolean;
  /** Folders of the tree that are closed. */
  closed: ReadonlySet<string>;
}

export function configRows(params: Params, options: Options): ConfigRow[] {
  const leaves = leavesOf(params, options);
  if (options.flat) return leaves;
  const out: ConfigRow[] = [];
  const open: string[] = [];
  for (const leaf of leaves) {
    const parents = splitPath(leaf.path).slice(0, -1);
    let shared = 0;
    while (shared < open.length && open[shared] === parents[shared]) shared += 1;
    open.length = shared;
    for (const part of parents.slice(shared)) {
      open.push(part);
      out.push(folderRow(open, leaves));
    }
    out.push({ ...leaf, name: splitPath(leaf.path).at(-1) ?? '', depth: parents.length });
  }
  return out.filter((row) => !hidden(row, options.closed));
}

function leavesOf(params: Params, { other, search, differing }: Options): ConfigRow[] {
  const paths = new Set([...Object.keys(params), ...Object.keys(other ?? {})]);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const out: ConfigRow[] = [];
  for (const path of [...paths].sort(byPath)) {
    const [mine, theirs] = [params[path], other?.[path]];
    const change = other ? changeOf(mine, theirs) : 'same';
    if (mine === undefined && change !== 'removed') continue;
    if (differing && change === 'same') continue;
    const text = `${path} ${fullValue(mine)} ${fullValue(theirs)}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const shared = { path, name: path, depth: 0, folder: false, count: 1 };
    out.push({ ...shared, value: mine, other: theirs, change });
  }
  return out;
}

/** Folders before what follows them: part by part, so that 'a.b' never stands within 'a-b'. */
function byPath(a: string, b: string): number {
  const [left, right] = [splitPath(a), splitPath(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return (left[i] ?? '') < (right[i] ?? '') ? -1 : 1;
  }
  return left.length - right.length;
}

const joined = (parts: readonly string[]) =>
  parts.map((part) => part.replace(/[\\.]/g, '\\$&')).join('.');

function folderRow(parts: readonly string[], leaves: readonly ConfigRow[]): ConfigRow {
  const path = joined(parts);
  const below = leaves.filter((leaf) => leaf.path.startsWith(`${path}.`));
  return {
    path,
    name: parts.at(-1) ?? '',
    depth: parts.length - 1,
    folder: true,
    count: below.length,
    value: undefined,
    other: undefined,
    change: below.some((leaf) => leaf.change !== 'same') ? 'changed' : 'same',
  };
}

function hidden(row: ConfigRow, closed: ReadonlySet<string>): boolean {
  for (const folder of closed) if (row.path.startsWith(`${folder}.`)) return true;
  return false;
}

/** How many values differ. */
export function countChanges(params: Params, other: Params): number {
  const paths = new Set([...Object.keys(params), ...Object.keys(other)]);
  return [...paths].filter((path) => changeOf(params[path], other[path]) !== 'same').length;
}
