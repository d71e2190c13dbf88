/** Which numbers of a run stand first, and how they read. */
import type { Json, MetricSummary, RunInfo } from '../../../api/types';
import { num } from '../../../lib/format';

export const SYSTEM = 'system/';
export const isSystem = (key: string): boolean => key.startsWith(SYSTEM);

export interface Headline {
  key: string;
  metric: MetricSummary;
  goal: '' | 'min' | 'max';
  best: number;
  bestStep: number;
  last: number;
}

/** Those with a goal first, then by name; what the machine measured is left out. */
export function headlines(run: Pick<RunInfo, 'metrics'>): Headline[] {
  return Object.values(run.metrics)
    .filter((metric) => !isSystem(metric.key))
    .map((metric): Headline => {
      const { key, goal } = metric;
      const best = goal === 'min' ? num(metric.min) : goal === 'max' ? num(metric.max) : NaN;
      const bestStep = goal === 'max' ? metric.max_step : metric.min_step;
      return { key, metric, goal, best, bestStep, last: num(metric.last) };
    })
    .sort((a, b) => Number(!a.goal) - Number(!b.goal) || (a.key < b.key ? -1 : 1));
}

/** The one number for the head of the page: with a goal, best of what is not of the training. */
export function firstHeadline(run: Pick<RunInfo, 'metrics'>): Headline | undefined {
  const aims = headlines(run).filter((one) => one.goal && !Number.isNaN(one.best));
  const weight = ({ key, metric }: Headline) =>
    (metric.summary ? 2 : 0) + (/^train/i.test(key) ? 0 : 1);
  return aims.sort((a, b) => weight(b) - weight(a))[0];
}

/** Summary values that people set and that are no metric's. */
export function ownSummary(run: Pick<RunInfo, 'summary' | 'metrics'>): [string, Json][] {
  return Object.entries(run.summary).filter(([key]) => !(key in run.metrics));
}

/** 'diverged: 360 NaN, 20 +∞', or nothing. */
export function oddities(metric: MetricSummary): string {
  const parts = [
    metric.nan ? `${metric.nan} NaN` : '',
    metric.posinf ? `${metric.posinf} +∞` : '',
    metric.neginf ? `${metric.neginf} −∞` : '',
  ].filter(Boolean);
  return parts.join(', ');
}

const GROUPS: [string, RegExp][] = [
  ['Processor', /^cpu\./],
  ['Memory', /^memory\./],
  ['Graphics', /^gpu\./],
  ['Disk', /^disk\./],
  ['Network', /^network\./],
  ['Process', /^process\./],
];

/** System metrics by what they measure, in that order; what is new stands at the end. */
export function systemGroups(keys: readonly string[]): { title: string; keys: string[] }[] {
  const own = keys.filter(isSystem).sort();
  const rest = new Set(own);
  const out = GROUPS.map(([title, pattern]) => {
    const found = own.filter((key) => pattern.test(key.slice(SYSTEM.length)));
    for (const key of found) rest.delete(key);
    return { title, keys: found };
  });
  return [...out, { title: 'More', keys: [...rest] }].filter((group) => group.keys.length);
}
