/** Runs at work over all projects, with the headline metric of each and a small curve of it. */
import * as calls from '../../api/calls';
import type { Headline, RunsTable } from '../../api/types';
import { fieldOf } from '../../lib/fields';
import { num } from '../../lib/format';
import type { SeriesFrame } from '../../lib/series';

export interface Running {
  id: string;
  name: string;
  project: string;
  started: number;
  user: string;
  host: string;
  points: number;
  /** The headline metric of its project, where it has logged it. */
  metric: { key: string; value: number } | null;
}

export type Heads = ReadonlyMap<string, Headline | null>;

const OWN = ['name', 'project', 'started', 'created', 'user', 'host', 'points'];

/** Only what is shown is asked for: runs may have thousands of metrics. */
export function fieldsFor(heads: Heads): string[] {
  const keys = new Set([...heads.values()].flatMap((head) => (head ? [head.key] : [])));
  return [...OWN, ...[...keys].map((key) => fieldOf('metric', key))];
}

export function readRunning(table: RunsTable, heads: Heads): Running[] {
  const columns = new Map(table.columns.map((column) => [column.field, column.values]));
  return table.ids.map((id, i) => {
    const value = (field: string) => columns.get(field)?.[i];
    const project = String(value('project') ?? '');
    const key = heads.get(project)?.key;
    const last = key === undefined ? null : value(fieldOf('metric', key));
    return {
      id,
      project,
      name: String(value('name') ?? id),
      started: num(value('started')) || num(value('created')),
      user: String(value('user') ?? ''),
      host: String(value('host') ?? ''),
      points: num(value('points')) || 0,
      metric:
        key === undefined || last === null || last === undefined ? null : { key, value: num(last) },
    };
  });
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
export function sparks(rows: () => readonly Running[]) {
  let known = $state.raw(new Map<string, number[]>());

  $effect(() => {
    const byKey = new Map<string, string[]>();
    for (const { id, metric } of rows().slice(0, MOST)) {
      if (metric) byKey.set(metric.key, [...(byKey.get(metric.key) ?? []), id]);
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
