/** Panels that people add: several metrics in one chart, a scatter, bars, or logged values by step. */
import { PLAIN, quantityOf, systemUnit, type Quantity } from '../../lib/chart/quantity';
import { parseField } from '../../lib/fields';

export type OwnPanel =
  | { t: 'line'; k: string[] }
  | { t: 'scatter'; x: string; y: string }
  | { t: 'bar'; f: string }
  | { t: 'hist'; f: string }
  | { t: 'values'; k: string };

export const KINDS: { value: OwnPanel['t']; label: string }[] = [
  { value: 'line', label: 'Lines of several metrics' },
  { value: 'scatter', label: 'Scatter of two fields' },
  { value: 'bar', label: 'Bars of a field' },
  { value: 'hist', label: 'Histogram of a field' },
  { value: 'values', label: 'Images, histograms, tables by step' },
];

export type About = ReadonlyMap<string, { unit?: string | undefined; goal?: string | undefined }>;

/** What a field of runs measures. */
export function quantityOfField(field: string, about: About): Quantity {
  const { kind, key, statistic } = parseField(field);
  if (kind === 'attribute' && key === 'duration') return quantityOf('s');
  if (kind !== 'metric' || statistic === 'n') return PLAIN;
  return quantityOf(about.get(key)?.unit ?? '', key);
}

/** The unit of metrics that share a chart; none where they have several. */
export function commonUnit(keys: readonly string[], about: About): string {
  const units = new Set(keys.map((key) => about.get(key)?.unit || systemUnit(key)));
  return units.size === 1 ? ([...units][0] ?? '') : '';
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** What of a link is a list of panels; others are dropped. */
export function readPanels(value: unknown): OwnPanel[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((one: unknown) => readPanel(one) ?? []).slice(0, 50);
}

function readPanel(value: unknown): OwnPanel | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { t, k, x, y, f } = value as Record<string, unknown>;
  if (t === 'line' && Array.isArray(k) && k.length) return { t, k: k.filter(isText) };
  if (t === 'scatter' && isText(x) && isText(y)) return { t, x, y };
  if ((t === 'bar' || t === 'hist') && isText(f)) return { t, f };
  return t === 'values' && isText(k) ? { t, k } : undefined;
}
