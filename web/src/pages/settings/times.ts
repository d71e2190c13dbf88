/** Times as this browser wants them: relative or in full, in local time or in UTC. */
import { formatAgo, formatTime } from '../../lib/format';

export type TimeStyle = 'relative' | 'absolute';
export type Zone = 'local' | 'utc';

/**
 * Moves a time so that code which writes local time writes UTC. `offset`: minutes from local time
 * to UTC at that moment, as `Date.getTimezoneOffset` gives it.
 */
function moved(us: number, zone: Zone): number {
  if (zone === 'local' || !us) return us;
  return us + new Date(us / 1000).getTimezoneOffset() * 60e6;
}

/** What stands in a table: '5 min ago', '14:03', or the whole time. */
export function timeText(us: number, style: TimeStyle, zone: Zone, now = Date.now()): string {
  if (!us) return '';
  if (style === 'absolute') return formatTime(moved(us, zone)).slice(0, 16);
  return formatAgo(moved(us, zone), moved(now * 1000, zone) / 1000);
}

/** With seconds and the zone, for a title. */
export function fullTime(us: number, zone: Zone): string {
  return us ? `${formatTime(moved(us, zone))}${zone === 'utc' ? ' UTC' : ''}` : '';
}

/** '14:03' */
export function clockText(us: number, zone: Zone): string {
  return us ? formatTime(moved(us, zone)).slice(11, 16) : '';
}

/** '2026-11-28' */
export function dayOf(us: number, zone: Zone): string {
  return formatTime(moved(us, zone)).slice(0, 10);
}
