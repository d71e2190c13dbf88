/** Numbers, times and sizes as people read them. Four significant digits; the full value on hover. */
import type { Json, Num } from '../api/types';

/** A JSON number, where NaN and the infinities are words, as a number. NaN for what is none. */
export function num(value: Num | Json | undefined): number {
  if (typeof value === 'number') return value;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  return NaN;
}

/** `0.7924`, `1,204`, `3.0e-5`, `1.234e9`, `NaN`, `∞`. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return grouped(value);
  if (size >= 1e7 || size < 1e-4) return exponent(value, digits);
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  const fixed = value.toFixed(places);
  const bare = fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
  return minus(size >= 1e3 ? grouped(Number(bare)) : bare);
}

function exponent(value: number, digits: number): string {
  const [mantissa = '', power = ''] = value.toExponential(digits - 1).split('e');
  const bare = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return minus(`${bare}e${power.replace('+', '')}`);
}

const minus = (text: string) => text.replace(/^-/, '−').replace('e-', 'e−');

/** 10204 -> '10,204'. */
export function grouped(value: number): string {
  const [whole = '', rest] = String(value).split('.');
  const out = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return minus(rest ? `${out}.${rest}` : out);
}

/** Thousands and millions shortened: 1200000 -> '1.2M'. */
export function short(value: number): string {
  const size = Math.abs(value);
  for (const [unit, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
  }
  return formatNumber(value, 3);
}

/** Any logged value in one line. */
export function formatValue(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return formatNumber(value);
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity')
    return formatNumber(num(value));
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  return JSON.stringify(value);
}

/** The same with all digits, for titles and copying. */
export function fullValue(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Bytes: '12.4 MB'. */
export function formatBytes(size: number): string {
  if (size < 1000) return `${size} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let value = size;
  let unit = -1;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}

/** Seconds: '340 ms', '12 s', '4m 10s', '2h 14m', '3d 4h'. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 0) return `−${formatDuration(-seconds)}`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const all = Math.round(seconds);
  if (all < 3600) return pair(all, 60, 'm', 's');
  if (all < 86_400) return pair(Math.round(all / 60), 60, 'h', 'm');
  return pair(Math.round(all / 3600), 24, 'd', 'h');
}

function pair(value: number, of: number, big: string, small: string): string {
  const rest = value % of;
  return `${Math.floor(value / of)}${big}${rest ? ` ${rest}${small}` : ''}`;
}

const two = (value: number) => String(value).padStart(2, '0');

export interface TimeStyle {
  /** In UTC instead of local time. */
  utc: boolean;
  /** In full instead of relative to now. */
  full: boolean;
}

/** As the settings of this browser have it; they are put here at the start. */
export const timeStyle: TimeStyle = { utc: false, full: false };

/** A date whose local parts are those of the zone that is wanted. */
function dateOf(ms: number, utc: boolean): Date {
  const date = new Date(ms);
  return utc ? new Date(ms + date.getTimezoneOffset() * 60_000) : date;
}

/** µs since 1970 in local time: '2026-11-22 14:03:11'. */
export function formatTime(us: number, utc = timeStyle.utc): string {
  if (!us) return '';
  const d = dateOf(us / 1000, utc);
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** Short and relative to now: '12 s ago', '5 min ago', '14:03', 'Tue 14:03', '3 Nov', '3 Nov 2025'. */
export function formatAgo(us: number, now = Date.now(), style: TimeStyle = timeStyle): string {
  if (!us) return '';
  if (style.full) return formatTime(us, style.utc).slice(0, 16);
  const seconds = (now - us / 1000) / 1000;
  if (seconds < 1.5) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  const then = dateOf(us / 1000, style.utc);
  const today = dateOf(now, style.utc);
  const clock = `${two(then.getHours())}:${two(then.getMinutes())}`;
  if (today.toDateString() === then.toDateString()) return clock;
  if (seconds < 6 * 86_400)
    return `${'Sun Mon Tue Wed Thu Fri Sat'.split(' ')[then.getDay()]} ${clock}`;
  const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
  const day = `${then.getDate()} ${months[then.getMonth()]}`;
  return then.getFullYear() === today.getFullYear() ? day : `${day} ${then.getFullYear()}`;
}

/** '1 run', '2 runs'. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
