/** Runs in groups, groups in groups; and what a group's cell says. */
import type { Json } from '../../api/types';
import { formatNumber, formatValue, num } from '../../lib/format';

export interface Group {
  /** Values of the fields it is grouped by, as one text. */
  id: string;
  value: Json;
  field: string;
  depth: number;
  /** Rows of the table in it. */
  rows: number[];
  groups: Group[];
}

/** Groups in order of their first row, so that the sorting of the table orders them, too. */
export function groupRows(
  rows: readonly number[],
  fields: readonly string[],
  valueOf: (field: string, row: number) => Json,
  depth = 0,
  parent = '',
): Group[] {
  const [field, ...rest] = fields;
  if (field === undefined) return [];
  const byValue = new Map<string, Group>();
  for (const row of rows) {
    const value = valueOf(field, row) ?? null;
    const key = JSON.stringify(value);
    let group = byValue.get(key);
    if (!group) {
      group = { id: `${parent}/${key}`, value, field, depth, rows: [], groups: [] };
      byValue.set(key, group);
    }
    group.rows.push(row);
  }
  const groups = [...byValue.values()];
  for (const group of groups) {
    group.groups = groupRows(group.rows, rest, valueOf, depth + 1, group.id);
  }
  return groups;
}

/** What stands in the lines of the table: rows, or heads of groups. */
export type Shown = number | Group;

export function flatten(groups: readonly Group[], open: ReadonlySet<string>): Shown[] {
  const out: Shown[] = [];
  const walk = (list: readonly Group[]) => {
    for (const group of list) {
      out.push(group);
      if (!open.has(group.id)) continue;
      if (group.groups.length) walk(group.groups);
      else for (const row of group.rows) out.push(row);
    }
  };
  walk(groups);
  return out;
}

/** All rows in the order in which the table shows them, were all groups open. */
export function inGroups(groups: readonly Group[]): number[] {
  return groups.flatMap((group) => (group.groups.length ? inGroups(group.groups) : group.rows));
}

/** Name of the group a run is in, for charts: 'vit', 'vit, 0.1'; absent values have a group. */
export function groupName(
  fields: readonly string[],
  valueOf: (field: string, row: number) => Json,
  row: number,
): string {
  return fields.map((field) => formatValue(valueOf(field, row)) || 'no value').join(', ');
}

export interface Spread {
  n: number;
  mean: number;
  deviation: number;
  low: number;
  high: number;
}

export function spread(values: readonly Json[]): Spread | null {
  let [n, mean, square] = [0, 0, 0];
  let [low, high] = [Infinity, -Infinity];
  for (const one of values) {
    const value = num(one);
    if (!Number.isFinite(value)) continue;
    n += 1;
    const off = value - mean;
    mean += off / n;
    square += off * (value - mean);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!n) return null;
  return { n, mean, deviation: n > 1 ? Math.sqrt(square / (n - 1)) : 0, low, high };
}

export interface GroupCell {
  text: string;
  /** Said softly behind it: '± 0.01'. */
  note: string;
  title: string;
}

export type CellType = 'number' | 'time' | 'other';

/**
 * Mean and deviation of numbers; the newest of times; the value where it is one; else how many
 * values there are. `text` writes a value of the column.
 */
export function groupCell(
  values: readonly Json[],
  type: CellType,
  text: (value: Json) => string = formatValue,
): GroupCell {
  const there = values.filter((value) => value !== null && value !== undefined);
  if (!there.length) return { text: '', note: '', title: '' };
  const found = type === 'other' ? null : spread(there);
  if (found && type === 'time') {
    return { text: text(found.high), note: '', title: `the newest of ${found.n}` };
  }
  if (found && found.n > 1 && found.low < found.high) {
    const plain = text === formatValue;
    return {
      text: text(found.mean),
      note: `± ${plain ? formatNumber(found.deviation, 2) : text(found.deviation)}`,
      title: `mean ${found.mean}, deviation ${found.deviation}, n = ${found.n}, from ${found.low} to ${found.high}`,
    };
  }
  const distinct = new Set(there.map((value) => JSON.stringify(value)));
  if (distinct.size > 1) return { text: '', note: `${distinct.size} values`, title: '' };
  const lacking = values.length - there.length;
  const title = lacking ? `${there.length} of ${values.length} have it` : '';
  return { text: text(there[0] as Json), note: '', title };
}
