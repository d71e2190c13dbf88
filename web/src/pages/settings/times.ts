/** Times as this browser wants them: relative or in full, in local time or in UTC. */
import { formatAgo, formatTime } from '../../lib/format';

export type TimeStyle = 'relative' | 'absolute';
export type Zone = 'local' | 'utc';

/** What stands in a table: '5 min ago', '14:03', or the whole time. */
export function timeText(us: number, style: TimeStyle, zone: Zone, now = Date.now()): string {
  return formatAgo(us, now, { utc: zone === 'utc', full: style === 'absolute' });
}

/** With seconds and the zone, for a title. */
export function fullTime(us: number, zone: Zone): string {
  return us ? `${formatTime(us, zone === 'utc')}${zone === 'utc' ? ' UTC' : ''}` : '';
}

/** '14:03' */
export function clockText(us: number, zone: Zone): string {
  return formatTime(us, zone === 'utc').slice(11, 16);
}

/** '2026-11-28' */
export function dayOf(us: number, zone: Zone): string {
  return formatTime(us, zone === 'utc').slice(0, 10);
}
