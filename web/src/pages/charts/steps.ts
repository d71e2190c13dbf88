/** Steps at which values were logged, over several runs. */
import type { LoggedValue } from '../../api/types';

export function stepsOf(lists: readonly (readonly LoggedValue[])[]): number[] {
  const all = new Set(lists.flatMap((list) => list.map((value) => value.step)));
  return [...all].sort((a, b) => a - b);
}

/** The newest value at or before a step; the newest of all for null. */
export function atStep(list: readonly LoggedValue[], step: number | null): LoggedValue | undefined {
  let best: LoggedValue | undefined;
  for (const value of list) {
    if (step !== null && value.step > step) continue;
    if (!best || value.step > best.step || (value.step === best.step && value.time >= best.time)) {
      best = value;
    }
  }
  return best;
}
