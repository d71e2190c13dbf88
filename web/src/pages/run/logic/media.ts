/** Values that are no numbers: which is shown at a step, and what is drawn over pictures. */
import type { Json, LoggedKey, LoggedValue } from '../../../api/types';
import { num } from '../../../lib/format';

export interface BlobRef {
  digest: string;
  size: number;
  mime: string;
  encoding?: '' | 'gzip';
  name?: string;
  /** First byte within a pack. */
  at?: number;
}

export interface Item {
  kind: string;
  value: { [key: string]: Json };
}

export const KINDS = [
  'image', 'figure', 'video', 'audio', 'table', 'histogram', 'text', 'html', 'file', 'list',
] as const; // prettier-ignore

export const KIND_NAMES: Record<string, string> = {
  image: 'Images',
  figure: 'Figures',
  video: 'Video',
  audio: 'Audio',
  table: 'Tables',
  histogram: 'Histograms',
  text: 'Text',
  html: 'HTML',
  file: 'Files',
  list: 'Lists',
};

export function isBlob(value: Json | undefined): value is Json & { digest: string } {
  return Boolean(
    value && typeof value === 'object' && !Array.isArray(value) && typeof value.size === 'number',
  );
}

export function blobOf(value: Json | undefined): BlobRef | null {
  if (!isBlob(value)) return null;
  const given = value as unknown as Partial<BlobRef>;
  return { ...given, digest: given.digest ?? '', size: given.size ?? 0, mime: given.mime ?? '' };
}

/** Path and query of bytes; those of a pack lie within the pack's own blob. */
export function blobQuery(
  blob: BlobRef,
  pack: BlobRef | null,
  name = '',
): { path: string; query: Record<string, string | number> } {
  const inside = !blob.digest && pack;
  const query: Record<string, string | number> = { type: blob.mime };
  if (blob.name || name) query.name = blob.name || name;
  if (blob.encoding) query.encoding = blob.encoding;
  if (inside) [query.at, query.size] = [blob.at ?? 0, blob.size];
  return { path: `/blobs/${inside ? pack.digest : blob.digest}`, query };
}

/** Keys by the kinds and words that are wanted; an image within a list counts as a list. */
export function filterKeys(keys: readonly LoggedKey[], kind: string, search: string): LoggedKey[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const order = (key: LoggedKey) => {
    const place = KINDS.indexOf(key.kind as (typeof KINDS)[number]);
    return place < 0 ? KINDS.length : place;
  };
  return keys
    .filter((key) => !kind || key.kind === kind)
    .filter((key) => words.every((word) => key.key.toLowerCase().includes(word)))
    .map((key, i) => ({ key, i }))
    .sort((a, b) => order(a.key) - order(b.key) || a.i - b.i)
    .map(({ key }) => key);
}

/** All steps at which something was logged, each once, rising. */
export function allSteps(lists: Iterable<readonly number[]>): number[] {
  const out = new Set<number>();
  for (const list of lists) for (const step of list) out.add(step);
  return [...out].sort((a, b) => a - b);
}

/** Index of the last that is not above `step`; -1 where all are. Rising numbers. */
export function lastUpTo(steps: readonly number[], step: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What a key showed at a step: the newest value up to it, all those of its step. */
export function valuesAt(values: readonly LoggedValue[], step: number | null): LoggedValue[] {
  if (!values.length) return [];
  const steps = values.map((value) => value.step);
  const last = step === null ? values.length - 1 : lastUpTo(steps, step);
  if (last < 0) return [];
  const wanted = steps[last];
  return values.filter((value) => value.step === wanted);
}

/** By step, then by time: the API has them so, ranks mixed in. */
export const inOrder = (values: readonly LoggedValue[]): LoggedValue[] =>
  [...values].sort((a, b) => a.step - b.step || a.time - b.time);

export interface Box {
  /** Shares of width and height, 0..1. */
  x: number;
  y: number;
  width: number;
  height: number;
  label: string;
  /** For the colour: the name of the class, as masks have it. */
  group: string;
}

/** Boxes in the forms that people log; what is in none of them is counted. */
export function boxesOf(given: Json, width: number, height: number): { boxes: Box[]; odd: number } {
  const out: Box[] = [];
  let odd = 0;
  const take = (item: Json, names: Json | undefined, group: string) => {
    const box = readBox(item, width || 1, height || 1, names, group);
    if (box) out.push(box);
    else odd += 1;
  };
  if (Array.isArray(given)) for (const item of given) take(item, undefined, '');
  else if (given && typeof given === 'object') {
    for (const [group, part] of Object.entries(given)) {
      const [list, names] =
        part && typeof part === 'object' && !Array.isArray(part)
          ? [part.box_data, part.class_labels]
          : [part, undefined];
      if (Array.isArray(list)) for (const item of list) take(item, names, group);
      else odd += 1;
    }
  } else if (given !== null) odd += 1;
  return { boxes: out, odd };
}

type Dict = { [key: string]: Json };
const isDict = (value: Json | undefined): value is Dict =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function readBox(
  item: Json,
  width: number,
  height: number,
  names: Json | undefined,
  group: string,
): Box | null {
  const corners = cornersOf(item);
  if (!corners || corners.some((v) => !Number.isFinite(v))) return null;
  const [x1, y1, x2, y2] = corners as [number, number, number, number];
  const inPixels = isDict(item) && item.domain ? item.domain === 'pixel' : x2 > 1 || y2 > 1;
  const [w, h] = inPixels ? [width, height] : [1, 1];
  const label = labelOf(item, names);
  const kind = classOf(item);
  return {
    x: x1 / w,
    y: y1 / h,
    width: (x2 - x1) / w,
    height: (y2 - y1) / h,
    label,
    group: (isDict(names) && text(names[kind])) || kind || group || label,
  };
}

/** Left, top, right, bottom. */
function cornersOf(item: Json): number[] | null {
  if (Array.isArray(item)) return item.length >= 4 ? item.slice(0, 4).map(num) : null;
  if (!isDict(item)) return null;
  const place = isDict(item.position) ? item.position : item;
  if (place.minX !== undefined) {
    return [place.minX, place.minY, place.maxX, place.maxY].map((v) => num(v));
  }
  if (Array.isArray(place.middle)) {
    const [cx = 0, cy = 0] = place.middle.map((v) => num(v));
    const [w, h] = [num(place.width), num(place.height)];
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
  }
  const list = item.box ?? item.bbox ?? item.xyxy;
  if (Array.isArray(list)) return cornersOf(list);
  const x = num(place.x ?? place.left ?? place.x1);
  const y = num(place.y ?? place.top ?? place.y1);
  const right = place.x2 ?? place.right;
  const bottom = place.y2 ?? place.bottom;
  if (right !== undefined) return [x, y, num(right), num(bottom)];
  return [x, y, x + num(place.width ?? place.w), y + num(place.height ?? place.h)];
}

const text = (value: Json | undefined) =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

function classOf(item: Json): string {
  return isDict(item) ? text(item.class_id ?? item.label ?? item.class ?? item.category) : '';
}

function labelOf(item: Json, names: Json | undefined): string {
  if (!isDict(item)) return '';
  if (typeof item.box_caption === 'string') return item.box_caption;
  const kind = classOf(item);
  const name = isDict(names) ? text(names[kind]) || kind : kind;
  const scores = isDict(item.scores) ? Object.values(item.scores) : [item.score];
  const best = num(scores[0]);
  return Number.isFinite(best) ? `${name} ${best.toFixed(2)}`.trim() : name;
}
