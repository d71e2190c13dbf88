/** What a metric measures, and how its values read: 1.5 GB, 42 %, 2h 14m; never 2.1e9. */
import { formatDuration, formatNumber } from '../format';
import { bigText, durationSteps, logText, tickText } from './axes';

export interface Quantity {
  kind: 'plain' | 'bytes' | 'percent' | 'duration';
  /** To bytes, percent, or seconds. */
  factor: number;
  /** '/s' of a rate. */
  per: string;
}

export const PLAIN: Quantity = { kind: 'plain', factor: 1, per: '' };

const BYTES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
const SECONDS: Record<string, number> = {
  ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, sec: 1, secs: 1, second: 1, seconds: 1,
  min: 60, minute: 60, minutes: 60, h: 3600, hour: 3600, hours: 3600, d: 86_400, days: 86_400,
}; // prettier-ignore

const SYSTEM = 'system/';
const SYSTEM_UNITS: [RegExp, string][] = [
  [/percent$|^cpu\.process$/, '%'],
  [/^(disk|network)\./, 'bytes/s'],
  [/^memory\.|\.memory(\.process)?$/, 'bytes'],
  [/\.power$/, 'W'],
  [/\.temperature$/, '°C'],
];

/** What a system metric is measured in, where the run does not say so itself. */
export function systemUnit(key: string): string {
  if (!key.startsWith(SYSTEM)) return '';
  const name = key.slice(SYSTEM.length);
  return SYSTEM_UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? '';
}

/** By the unit that was defined for a metric, else by its key where that is the machine's. */
export function quantityOf(unit: string, key = ''): Quantity {
  const given = (unit || systemUnit(key)).trim();
  const [what = '', per] = given.split(/\s*(?:\/|\bper\b)\s*/);
  const rate = per ? `/${/^s(ec(ond)?)?$/.test(per) ? 's' : per}` : '';
  if (/^(%|percent|pct)$/i.test(what) && !rate) return { kind: 'percent', factor: 1, per: '' };
  const bytes = /^([kmgtp])?(?:i?b|i?bytes?)$/i.exec(what);
  // Mb is a megabit to some; a small b alone is taken for bytes only where it is written out
  if (bytes && (/bytes?$/i.test(what) || what.endsWith('B'))) {
    const power = bytes[1] ? ' kmgtp'.indexOf(bytes[1].toLowerCase()) : 0;
    return { kind: 'bytes', factor: 1024 ** power, per: rate };
  }
  const seconds = SECONDS[what.toLowerCase()];
  if (seconds && !rate) return { kind: 'duration', factor: seconds, per: '' };
  return PLAIN;
}

/** Does the axis say the unit itself? */
export const saysUnit = (quantity: Quantity): boolean => quantity.kind !== 'plain';

/** One value, as it stands in a tooltip. */
export function quantityText(value: number, quantity: Quantity, digits = 4): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  const scaled = value * quantity.factor;
  if (quantity.kind === 'bytes') return bytesText(scaled, digits) + quantity.per;
  if (quantity.kind === 'percent') return `${formatNumber(scaled, digits)} %`;
  if (quantity.kind === 'duration') return secondsText(scaled);
  const size = Math.abs(value);
  return size >= 1e7 && size < 1e15 ? bigText(value, digits) : formatNumber(value, digits);
}

const minus = (text: string) => text.replace(/^-/, '−');

function unitOf(bytes: number): number {
  const size = Math.abs(bytes);
  // 1023.7 KB would be written as 1024 KB
  return size < 1
    ? 0
    : Math.min(BYTES.length - 1, Math.floor(Math.log2(size * 1.0002) / 10 + 1e-9));
}

function bytesText(bytes: number, digits: number): string {
  const unit = unitOf(bytes);
  return minus(`${Number((bytes / 1024 ** unit).toPrecision(digits))} ${BYTES[unit]}`);
}

function secondsText(seconds: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 1e-3) return minus(`${Number((seconds * 1e6).toPrecision(3))} µs`);
  if (size < 1) return minus(`${Number((seconds * 1e3).toPrecision(3))} ms`);
  return size < 60 ? minus(`${Number(seconds.toPrecision(3))} s`) : formatDuration(seconds);
}

/** Texts along an axis: one unit for all ticks of bytes, as many digits as tell them apart. */
export function quantityTicks(
  values: readonly (number | null)[],
  quantity: Quantity,
  straight = true,
): string[] {
  const { kind, factor, per } = quantity;
  if (kind === 'plain') return straight ? tickText(values) : logText(values);
  if (kind === 'percent') {
    const texts = straight ? tickText(values) : logText(values);
    return texts.map((text) => text && `${text} %`);
  }
  if (kind === 'duration' || !straight) {
    return values.map((value) => (value === null ? '' : quantityText(value, quantity, 3)));
  }
  const unit = unitOf(Math.max(0, ...values.map((value) => Math.abs(value ?? 0))) * factor);
  const scaled = values.map((value) => (value === null ? null : (value * factor) / 1024 ** unit));
  return tickText(scaled).map((text, i) =>
    scaled[i] === 0 ? '0' : text && `${text} ${BYTES[unit]}${per}`,
  );
}

/** Distances between ticks that read well, in the metric's own unit; none: the usual ones. */
export function quantitySteps({ kind, factor }: Quantity): number[] | undefined {
  if (kind === 'bytes') return Array.from({ length: 62 }, (_, k) => 2 ** (k - 2) / factor);
  if (kind === 'duration') {
    const small = [1e-6, 1e-5, 1e-4].flatMap((power) => [power, 2 * power, 5 * power]);
    return [...small, ...durationSteps()].map((step) => step / factor);
  }
  return undefined;
}
