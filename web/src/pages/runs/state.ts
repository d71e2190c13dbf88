/** The view state of the runs page, and how a search is put together from it. */
import { choice, flag, json, list, number, text } from '../../lib/view';
import type { Json } from '../../api/types';
import { chartSchema } from '../charts/settings';

export const SHOWS = ['active', 'archived', 'trash'] as const;
export const NEWEST = '-created';

/** Values chosen per field by a click; null stands for "has none". */
export type Facets = Record<string, (string | number | boolean | null)[]>;

export const searchSchema = {
  /** The search as it was typed. */
  q: text(),
  facets: json<Facets>({}, readFacets),
  show: choice(SHOWS, 'active'),
} as const;

export const shownSchema = {
  /** auto (selected, else the first), first, selected, or best:METRIC. */
  shown: text('auto'),
  /** How many runs are on the charts; 0: as many as is usual. */
  n: number(0, 0, 500),
} as const;

export const runsSchema = {
  ...searchSchema,
  ...shownSchema,
  ...chartSchema,
  sort: list([NEWEST]),
  group: list(),
  /** Columns, in order; none: chosen by what the runs have. */
  cols: list(),
  pins: list(),
  diff: flag(),
  charts: flag(true),
  /** A field to add to the columns, from a link. */
  add: text(),
} as const;

function readFacets(value: unknown): Facets | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const out: Facets = {};
  for (const [field, values] of Object.entries(value)) {
    if (Array.isArray(values) && values.length) out[field] = values as Facets[string];
  }
  return out;
}

/** `'it''s'`, `3`, `'true'`. */
export function literal(value: Json): string {
  if (typeof value === 'number') return String(value);
  const words = typeof value === 'string' ? value : JSON.stringify(value);
  return `'${words.replace(/'/g, "''")}'`;
}

function facetClause(field: string, values: Facets[string]): string {
  const some = values.filter((value) => value !== null);
  const parts = [];
  if (some.length === 1) parts.push(`${field} = ${literal(some[0] as Json)}`);
  else if (some.length) parts.push(`${field} in (${some.map((v) => literal(v)).join(', ')})`);
  if (some.length < values.length) parts.push(`${field} is null`);
  return parts.length > 1 ? `(${parts.join(' or ')})` : (parts[0] ?? '');
}

/** The whole search: what was typed, and what was clicked (but for one field). */
export function whereOf(q: string, facets: Facets, without = ''): string {
  const typed = q.trim();
  const clauses = Object.entries(facets)
    .filter(([field, values]) => field !== without && values.length)
    .map(([field, values]) => facetClause(field, values));
  if (!clauses.length) return typed;
  return [typed && `(${typed})`, ...clauses].filter(Boolean).join(' and ');
}

/** What to ask the server for, so that it finds the active runs, the archive, or the trash. */
export function restrict(show: (typeof SHOWS)[number], where: string) {
  if (show === 'archived') {
    return { archived: true, where: where ? `(${where}) and archived = true` : 'archived = true' };
  }
  return show === 'trash' ? { deleted: true, archived: true, where } : { where };
}

/** A search, narrowed by one more condition. */
export function narrowed(q: string, clause: string): string {
  const typed = q.trim();
  if (!typed) return clause;
  return `${/\bor\b/i.test(typed) ? `(${typed})` : typed} and ${clause}`;
}

/** What lies in a range that was chosen by the pointer: with as many digits as a hand can mean. */
export function rangeClause(field: string, range: { low: number; high: number }): string {
  const { low, high } = range;
  const size = high - low;
  const places = size > 0 ? Math.min(100, Math.max(0, 2 - Math.floor(Math.log10(size)))) : 6;
  const text = (value: number) => {
    const fixed = Number(value.toFixed(places));
    return String(Math.abs(fixed) < 1e15 ? fixed : value);
  };
  return `${field} >= ${text(low)} and ${field} <= ${text(high)}`;
}

export function toggleFacet(facets: Facets, field: string, value: Facets[string][number]): Facets {
  const before = facets[field] ?? [];
  const after = before.includes(value) ? before.filter((one) => one !== value) : [...before, value];
  const { [field]: _, ...rest } = facets;
  return after.length ? { ...rest, [field]: after } : rest;
}

export interface Order {
  field: string;
  down: boolean;
}

export const parseOrder = (term: string): Order =>
  term.startsWith('-') ? { field: term.slice(1), down: true } : { field: term, down: false };
export const formatOrder = ({ field, down }: Order): string => (down ? `-${field}` : field);

/**
 * A click on a header: sorts by it, and turns round what is sorted by it already. With `more` it
 * is one of several; a third click takes it off.
 */
export function clickSort(
  sort: readonly string[],
  field: string,
  more: boolean,
  downFirst: boolean,
) {
  const at = sort.findIndex((term) => parseOrder(term).field === field);
  const term = (down: boolean) => formatOrder({ field, down });
  if (at < 0) return more ? [...sort, term(downFirst)] : [term(downFirst)];
  const { down } = parseOrder(sort[at] ?? '');
  if (down === downFirst) {
    return more ? sort.map((one, i) => (i === at ? term(!down) : one)) : [term(!down)];
  }
  const rest = sort.filter((_, i) => i !== at);
  return more && rest.length ? rest : [NEWEST];
}
