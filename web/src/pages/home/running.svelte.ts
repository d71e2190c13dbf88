/** Small curves of the runs that are at work. */
import * as calls from '../../api/calls';
import type { Headline, MetricSummary, RunInfo } from '../../api/types';
import type { SeriesFrame } from '../../lib/series';

/** The metric that tells most: the project's headline, else one with a goal, else a loss. */
export function chosenMetric(run: RunInfo, headline: Headline | null): MetricSummary | null {
  const all = Object.values(run.metrics).filter((one) => !one.key.startsWith('system/'));
  return (
    all.find((one) => one.key === headline?.key) ??
    all.find((one) => one.goal) ??
    all.find((one) => /loss/i.test(one.key)) ??
    all[0] ??
    null
  );
}

export interface Row {
  run: RunInfo;
  metric: MetricSummary | null;
}

const POINTS = 60;
const MOST = 20;

/** Values of each run that has some, in one request per metric. */
export function readSparks(frame: SeriesFrame): Map<string, number[]> {
  const out = new Map<string, number[]>();
  for (const [i, entry] of frame.header.series.entries()) {
    const run = frame.header.runs[entry.run];
    const last = frame.column(i, 'last');
    if (run && last) out.set(run, [...last].filter(Number.isFinite));
  }
  return out;
}

/** Call it while a component starts. */
export function sparks(rows: () => readonly Row[]) {
  let known = $state.raw(new Map<string, number[]>());

  $effect(() => {
    const byKey = new Map<string, string[]>();
    for (const { run, metric } of rows().slice(0, MOST)) {
      if (metric) byKey.set(metric.key, [...(byKey.get(metric.key) ?? []), run.id]);
    }
    const control = new AbortController();
    const asked = [...byKey].map(([key, runs]) =>
      calls.series(
        { runs, keys: [key], x: 'step', buckets: POINTS, stats: ['last'] },
        { signal: control.signal },
      ),
    );
    Promise.all(asked).then(
      (frames) => {
        known = new Map(frames.flatMap((frame) => [...readSparks(frame)]));
      },
      () => undefined, // the list says the same in numbers
    );
    return () => control.abort();
  });

  return {
    of: (run: string): number[] | undefined => {
      const values = known.get(run);
      return values && values.length > 1 ? values : undefined;
    },
  };
}
