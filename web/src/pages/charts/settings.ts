/** How charts are drawn: one set for all panels of a page, kept in the address. */
import type { Smoothing } from '../../api/types';
import type { Range, YScale } from '../../lib/chart/types';
import { readPanels, type OwnPanel } from './own';
import { prefs } from '../settings/prefs.svelte';
import { choice, flag, json, list, number, text } from '../../lib/view';

export const BANDS = ['std', 'minmax', 'none'] as const;
export type Band = (typeof BANDS)[number];
export const SMOOTHINGS = ['ema', 'mean', 'median'] as const;

/** Codecs for a page's view; a page adds its own. */
export const chartSchema = {
  /** step, time, relative, or the name of a metric. */
  x: text('step'),
  xlog: flag(),
  y: choice(['linear', 'log', 'symlog'], 'linear'),
  /** Weight of the mean (0..1), or how many points are taken together. */
  smooth: {
    ...number(0, 0, 10_000),
    get initial() {
      return prefs.smoothing;
    },
  },
  by: choice(SMOOTHINGS, 'ema'),
  band: choice(BANDS, 'std'),
  /** Outliers count for the range of y. */
  outliers: flag(),
  /** Marks of alerts, notes, resumes and bad ends. */
  marks: flag(true),
  /** Run that is drawn thicker than all others. */
  base: text(),
  zoom: json<[number, number] | null>(null, readZoom),
  /** Only metrics that fit this regular expression. */
  match: text(),
  /** Sections that are folded. */
  folded: list(),
  /** Panels that were added. */
  panels: json<OwnPanel[]>([], readPanels),
} as const;

function readZoom(value: unknown): [number, number] | null | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [low, high] = value.map(Number) as [number, number];
  return low < high ? [low, high] : undefined;
}

export interface ChartSettings {
  x: string;
  xlog: boolean;
  y: YScale;
  smooth: number;
  by: (typeof SMOOTHINGS)[number];
  band: Band;
  outliers: boolean;
  marks: boolean;
  base: string;
  zoom: [number, number] | null;
  match: string;
  folded: string[];
  panels: OwnPanel[];
}

export const DEFAULTS: ChartSettings = {
  x: 'step',
  xlog: false,
  y: 'linear',
  smooth: 0,
  by: 'ema',
  band: 'std',
  outliers: false,
  marks: true,
  base: '',
  zoom: null,
  match: '',
  folded: [],
  panels: [],
};

export function smoothingOf(settings: Pick<ChartSettings, 'smooth' | 'by'>): Smoothing {
  const { smooth, by } = settings;
  if (by === 'ema') return smooth > 0 ? { kind: 'ema', weight: Math.min(0.999, smooth) } : null;
  const window = Math.round(smooth);
  return window > 1 ? { kind: by, window } : null;
}

/** For people: 'smoothed (mean of 20 points)'. */
export function smoothingText(settings: Pick<ChartSettings, 'smooth' | 'by'>): string {
  const smoothing = smoothingOf(settings);
  if (!smoothing) return '';
  if (smoothing.kind === 'ema') return `smoothed (weight ${smoothing.weight})`;
  return `smoothed (${smoothing.kind} of ${smoothing.window} points)`;
}

export const viewOf = (settings: ChartSettings): Range | null =>
  settings.zoom && { low: settings.zoom[0], high: settings.zoom[1] };

/** A run as charts need it. */
export interface RunRef {
  id: string;
  name: string;
  slot: number;
  status: string;
  /** Name of its group, where runs are taken together. */
  group?: string | undefined;
  /** Pinned to compare with. */
  baseline?: boolean | undefined;
}
