/** Steps and times of a run, one from the other: what joins curves, console and media. */

export interface Clock {
  steps: number[];
  /** µs, as long as steps. */
  times: number[];
}

/** Pairs in order, rising in both; what goes back (a resumed run) is left out. */
export function clockOf(steps: readonly number[], times: readonly number[]): Clock {
  const pairs = steps
    .map((step, i) => [step, times[i] ?? NaN] as const)
    .filter(([step, time]) => Number.isFinite(step) && time > 0)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const out: Clock = { steps: [], times: [] };
  for (const [step, time] of pairs) {
    if (step === out.steps.at(-1) || time < (out.times.at(-1) ?? 0)) continue;
    out.steps.push(step);
    out.times.push(time);
  }
  return out;
}

/** Between two that are known, in proportion; outside of them, the nearest. NaN for no clock. */
function convert(from: readonly number[], to: readonly number[], at: number): number {
  if (!from.length) return NaN;
  let [low, high] = [0, from.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((from[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return to[0] ?? NaN;
  if (low === from.length) return to.at(-1) ?? NaN;
  const [a, b] = [from[low - 1] ?? 0, from[low] ?? 0];
  const [x, y] = [to[low - 1] ?? 0, to[low] ?? 0];
  return b > a ? x + ((at - a) / (b - a)) * (y - x) : y;
}

export const timeAt = (clock: Clock, step: number): number =>
  convert(clock.steps, clock.times, step);

export const stepAt = (clock: Clock, time: number): number =>
  convert(clock.times, clock.steps, time);

/** The metric whose points tell the time best: many, but not so many that they are a load. */
export function clockKey(metrics: Record<string, { n: number; last_step: number }>): string | null {
  const all = Object.entries(metrics).filter(([key, one]) => !key.startsWith('system/') && one.n);
  const light = all.filter(([, one]) => one.n <= 20_000);
  const most = Math.max(...all.map(([, one]) => one.last_step));
  const far = light.filter(([, one]) => one.last_step >= most * 0.8);
  const pick = (list: typeof all) => list.sort((a, b) => b[1].n - a[1].n)[0]?.[0];
  return pick(far) ?? pick(light) ?? null;
}
