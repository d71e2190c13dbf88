/** What a project's work went to: figures, and the searches that show the runs behind each. No DOM. */
import type { Repeat, Waste } from '../../api/types';
import { formatDuration, formatNumber, num } from '../../lib/format';
import { paths } from '../../lib/paths';
import { shellWord } from '../home/teach';
import { literal } from '../runs/state';

const WEEK = 7 * 86_400_000_000;
/** Ids that a search may name: an address has an end. */
export const MOST_IDS = 200;

export const runsOf = (ids: readonly string[]) =>
  `id in (${ids.slice(0, MOST_IDS).map((id) => literal(id)).join(', ')})`; // prettier-ignore

/** The table of runs that a search finds; archived ones count here as well. */
export const runsPath = (project: string, where: string) =>
  paths.project(project, 'runs', `v=1&q=${encodeURIComponent(where)}`);

export const ENDED_EARLY = "status in ('failed', 'killed', 'lost', 'stopped')";

/** `1.9 h`, `12 min`: of the same work, shorter than a duration to the second. */
export function workText(seconds: number): string {
  if (seconds < 3600) return formatDuration(seconds);
  return `${formatNumber(seconds / 3600, 3)} h`;
}

export function shareText(part: number, whole: number): string {
  if (!whole || !part) return '0 %';
  const share = (100 * part) / whole;
  return share < 1 ? 'less than 1 %' : `${Math.round(share)} %`;
}

export interface Figure {
  id: string;
  label: string;
  seconds: number;
  share: string;
  runs: number;
  /** Search for the runs behind it; empty where there are none. */
  where: string;
}

const sum = (values: Record<string, unknown>) =>
  Object.values(values).reduce<number>((total, one) => total + (num(one as number) || 0), 0);

export const totalSeconds = (waste: Waste) => sum(waste.seconds);
export const totalRuns = (waste: Waste) => sum(waste.runs);

/** The three figures at the top; seeds are no waste and are not among them. */
export function figuresOf(waste: Waste): Figure[] {
  const whole = totalSeconds(waste);
  const again = waste.repeats.flatMap((group) => group.runs.slice(1));
  const early = waste.failures.flatMap((cause) => cause.runs);
  const gone = waste.after_divergence.map((one) => String(one.run));
  const figure = (id: string, label: string, seconds: number, runs: string[], where = '') => ({
    id,
    label,
    seconds,
    share: shareText(seconds, whole),
    runs: runs.length,
    where: runs.length ? where || runsOf(runs) : '',
  });
  const failed = waste.failures.reduce((total, one) => total + num(one.seconds), 0);
  return [
    figure('repeats', 'the same again', num(waste.repeated_seconds), again),
    figure('failures', 'did not complete', failed, early, ENDED_EARLY),
    figure('diverged', 'after a metric was NaN', num(waste.diverged_seconds), gone),
  ];
}

export interface Week {
  start: number;
  runs: number;
  seconds: number;
  /** Of the longest week: what completed, what did not, what was the same again. */
  parts: { kind: 'done' | 'early' | 'again'; seconds: number; share: number }[];
  where: string;
}

/** All weeks from the first to the last, those without work among them. */
export function weeksOf(waste: Waste, most = 26): Week[] {
  const known = new Map(waste.weeks.map((one) => [Number(one.week), one]));
  const starts = [...known.keys()].sort((a, b) => a - b);
  const last = starts.at(-1);
  if (last === undefined) return [];
  const longest = Math.max(...waste.weeks.map((one) => Number(one.seconds)), 1e-9);
  const weeks: Week[] = [];
  for (let at = Math.max(starts[0] ?? last, last - (most - 1) * WEEK); at <= last; at += WEEK) {
    const one = known.get(at);
    const [all, early, again] = [one?.seconds, one?.not_completed, one?.repeated].map((x) =>
      Number(x ?? 0),
    ) as [number, number, number];
    const part = (kind: Week['parts'][number]['kind'], seconds: number) => ({
      kind,
      seconds: Math.max(0, seconds),
      share: Math.max(0, seconds) / longest,
    });
    weeks.push({
      start: at,
      runs: Number(one?.runs ?? 0),
      seconds: all,
      parts: [part('done', all - early - again), part('early', early), part('again', again)],
      where: `created >= '${dayOf(at)}' and created < '${dayOf(at + WEEK)}'`,
    });
  }
  return weeks;
}

/** `2026-11-26`, in UTC as weeks are counted. */
export const dayOf = (us: number) => new Date(us / 1000).toISOString().slice(0, 10);

/** What the runs of a group came to: they are the same, so one number tells all. */
export function resultOf(group: Repeat): string {
  if (!group.metric || group.mean === null) return '';
  const interval = group.interval === null ? 0 : num(group.interval);
  const spread = interval ? ` ± ${formatNumber(interval, 2)}` : '';
  return `${group.metric} ${formatNumber(num(group.mean))}${spread}`;
}

export function wasteSnippets(project: string) {
  return {
    python: [
      'import notabene',
      '',
      `waste = notabene.Api().waste(${JSON.stringify(project)})`,
      'for cause in waste.failures:',
      '    print(cause.name, len(cause.runs), cause.seconds, cause.median)',
    ].join('\n'),
    cli: `notabene stats ${shellWord(project)}`,
  };
}
