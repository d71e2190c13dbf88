/** What was found, by kind, with the words that were looked for marked. No DOM. */
import type { SearchHit } from '../../api/types';

export type HitKind = SearchHit['kind'];
export const HIT_KINDS: readonly [HitKind, string][] = [
  ['project', 'Projects'],
  ['run', 'Runs'],
  ['metric', 'Metrics'],
  ['param', 'Params'],
  ['tag', 'Tags'],
  ['artifact', 'Artifacts'],
  ['note', 'Notes'],
];

export interface Group {
  kind: HitKind;
  title: string;
  hits: SearchHit[];
}

export function grouped(hits: readonly SearchHit[]): Group[] {
  return HIT_KINDS.map(([kind, title]) => ({
    kind,
    title,
    hits: hits.filter((hit) => hit.kind === kind),
  })).filter((group) => group.hits.length);
}

export interface Piece {
  text: string;
  hit: boolean;
}

/** A text cut where the words stand in it. */
export function marked(text: string, query: string): Piece[] {
  const words = query.split(/\s+/).filter(Boolean);
  if (!words.length) return [{ text, hit: false }];
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const out: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(new RegExp(pattern, 'giu'))) {
    if (!match[0]) continue;
    if (match.index > at) out.push({ text: text.slice(at, match.index), hit: false });
    out.push({ text: match[0], hit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length || !out.length) out.push({ text: text.slice(at), hit: false });
  return out;
}

/** The part of a long text around the first word that was found. */
export function excerpt(text: string, query: string, most = 180): string {
  if (text.length <= most) return text;
  const lower = text.toLowerCase();
  const places = query
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => lower.indexOf(word));
  const first = Math.min(...places.filter((place) => place >= 0), text.length);
  const start = first >= text.length ? 0 : Math.max(0, first - Math.floor(most / 3));
  const part = text.slice(start, start + most);
  return `${start > 0 ? '…' : ''}${part}${start + most < text.length ? '…' : ''}`;
}
