/** Numbers along the axes. */
import { formatDuration, formatNumber } from '../format';

/** As many digits as tell the ticks apart. */
export function tickText(values: readonly (number | null)[], whole = false): string[] {
  const real = values.filter((value): value is number => value !== null);
  if (real.length === 1) return values.map((value) => (value === null ? '' : formatNumber(value)));
  const step = real.length > 1 ? Math.abs((real[1] as number) - (real[0] as number)) : 0;
  const most = Math.max(...real.map(Math.abs), 0);
  const places = decimalsOf(step);
  return values.map((value) => {
    if (value === null) return '';
    if (value === 0) return '0';
    if (most >= (whole ? 10_000 : 1e5)) return largeText(value, most, step);
    if (most < 1e-3) return formatNumber(value, 3);
    return value.toFixed(places).replace(/^-/, '−');
  });
}

const LARGE = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** Ticks with one letter for all; beyond all letters, powers of ten. */
function largeText(value: number, most: number, step: number): string {
  const [unit, letter] = LARGE.find(([size]) => most >= size) ?? [1, ''];
  if (most >= 1e15) return formatNumber(value, 3);
  return `${(value / unit).toFixed(decimalsOf(step / unit)).replace(/^-/, '−')}${letter}`;
}

/** 2100000000 -> '2.1G'. */
export function bigText(value: number, digits: number): string {
  const [unit, letter] = LARGE.find(([size]) => Math.abs(value) >= size) ?? [1, ''];
  return `${Number((value / unit).toPrecision(digits))}${letter}`.replace(/^-/, '−');
}

/** How many decimals a step needs to be written exactly, at most six. */
function decimalsOf(step: number): number {
  for (let places = 0; places < 6; places++) {
    const scaled = step * 10 ** places;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * Math.max(1, scaled)) return places;
  }
  return 6;
}

/** On a log axis only the powers of ten that were kept have a text. */
export function logText(values: readonly (number | null)[]): string[] {
  return values.map((value) => {
    if (value === null) return '';
    const size = Math.abs(value);
    return size >= 1e4 && size < 1e15 ? bigText(value, 3) : formatNumber(value, 3);
  });
}

export function durationText(values: readonly (number | null)[]): string[] {
  return values.map((value) => (value === null ? '' : formatDuration(value)));
}

const NICE = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
];

/** Steps of a duration axis, in seconds. */
export function durationSteps(): number[] {
  const days = [1, 2, 5, 10, 20, 50, 100].map((x) => x * 86_400);
  return [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, ...NICE, ...days];
}

const two = (value: number) => String(value).padStart(2, '0');
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Local times; the day where it changes. Splits and step in seconds. */
export function timeText(splits: readonly number[], step: number): string[] {
  let day = '';
  return splits.map((seconds) => {
    const at = new Date(seconds * 1000);
    const date = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
    const changed = date !== day;
    day = date;
    if (step >= 86_400) return date;
    const text = step < 60 ? `${clock}:${two(at.getSeconds())}` : clock;
    return changed && seconds !== splits[0] ? date : text;
  });
}
