/** Bars of runs, or of groups with mean and deviation; the longest first. */
import { spread } from '../runs/grouping';
import type { RunRef } from './settings';

export interface Bar {
  id: string;
  name: string;
  /** Look of a run; groups have theirs by name. */
  slot: number | null;
  value: number;
  spread: number;
  n: number;
}

export function barsOf(runs: readonly RunRef[], values: ReadonlyMap<string, number>) {
  const bars: Bar[] = [];
  const groups = new Map<string, number[]>();
  let lacking = 0;
  for (const run of runs) {
    const value = values.get(run.id);
    if (value === undefined || !Number.isFinite(value)) lacking += 1;
    else if (run.group === undefined) {
      bars.push({ id: run.id, name: run.name, slot: run.slot, value, spread: 0, n: 1 });
    } else groups.set(run.group, [...(groups.get(run.group) ?? []), value]);
  }
  for (const [name, all] of groups) {
    const found = spread(all);
    if (found) {
      bars.push({
        id: name,
        name,
        slot: null,
        value: found.mean,
        spread: found.deviation,
        n: found.n,
      });
    }
  }
  bars.sort((a, b) => b.value - a.value);
  return { bars, lacking };
}
