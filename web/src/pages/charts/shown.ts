/** Which of the runs found are on the charts. */
import type { Json } from '../../api/types';
import { num } from '../../lib/format';
import type { TableData } from '../runs/tabledata';
import type { RunRef } from './settings';
import { prefs } from '../settings/prefs.svelte';

export const USUAL_GROUPED = 200;

export interface ShownRule {
  /** auto, first, selected, best:METRIC FIELD */
  shown: string;
  n: number;
}

export const limitOf = ({ n }: ShownRule, grouped: boolean): number =>
  n || (grouped ? USUAL_GROUPED : prefs.visible);

/** Rows of the table, in the order of the charts. */
export function shownRows(
  table: TableData,
  rule: ShownRule,
  selected: ReadonlySet<string>,
  grouped: boolean,
  goal: 'min' | 'max' = 'max',
): number[] {
  const limit = limitOf(rule, grouped);
  const all = [...table.ids.keys()];
  const chosen = () => all.filter((row) => selected.has(table.ids[row] ?? ''));
  if (rule.shown === 'selected') return chosen();
  if (rule.shown === 'auto' && selected.size) return chosen().slice(0, Math.max(limit, 100));
  if (!rule.shown.startsWith('best:')) return all.slice(0, limit);
  const values = table.columns.get(rule.shown.slice(5)) ?? [];
  const sign = goal === 'max' ? -1 : 1;
  return all
    .filter((row) => Number.isFinite(num(values[row])))
    .sort((a, b) => sign * (num(values[a]) - num(values[b])) || a - b)
    .slice(0, limit);
}

export function runRefs(
  table: TableData,
  rows: readonly number[],
  groupOf?: (row: number) => string,
): RunRef[] {
  const names: readonly Json[] = table.columns.get('name') ?? [];
  return rows.map((row) => ({
    id: table.ids[row] ?? '',
    name: String(names[row] ?? table.ids[row]),
    slot: table.slots[row] ?? 0,
    status: table.statuses[row] ?? '',
    group: groupOf?.(row),
  }));
}

/** With the pinned run among them, named as such; in groups it is one of its own. */
export function withBaseline(
  runs: readonly RunRef[],
  base: string,
  elsewhere?: RunRef | undefined,
): RunRef[] {
  const found = runs.find((run) => run.id === base) ?? elsewhere;
  if (!base || found?.id !== base) return [...runs];
  const grouped = runs.some((run) => run.group !== undefined);
  const name = `${found.name} (baseline)`;
  const pinned = { ...found, name, baseline: true, group: grouped ? name : undefined };
  return [pinned, ...runs.filter((run) => run.id !== base)];
}

/** Two runs with one look: the later ones get a ring, so that the legend can tell. */
export function sharedLooks(runs: readonly RunRef[]): Set<string> {
  const first = new Set<number>();
  const out = new Set<string>();
  for (const run of [...runs].reverse()) {
    if (first.has(run.slot)) out.add(run.id);
    first.add(run.slot);
  }
  return out;
}
