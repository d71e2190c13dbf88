/** The diary as it is read: by day, begins and ends of runs drawn together. No DOM. */
import type { Status, Verdict } from '../../api/types';
import { dayOf, type Zone } from '../settings/times';

export type Kind = 'hypothesis' | 'run' | 'note' | 'alert' | 'ended' | 'conclusion';
export const KINDS: readonly Kind[] = ['note', 'hypothesis', 'conclusion', 'alert', 'run', 'ended'];

export interface DiaryEntry {
  time: number;
  kind: Kind;
  text: string;
  author: string;
  run: string;
  run_name: string;
  verdict: Verdict | '';
  status: Status | '';
  /** Of a note, where the server gives it. */
  id?: string;
  /** Of an alert, where the server gives it. */
  level?: string;
  title?: string;
}

/** An entry; of an end, when its run began, where that is said by it. */
export interface Told {
  kind: 'entry';
  key: string;
  entry: DiaryEntry;
  began: number;
}

/** Several begins and ends, one after the other. */
export interface Fold {
  kind: 'fold';
  key: string;
  items: Told[];
}

export interface Day {
  /** '2026-11-28' */
  day: string;
  items: (Told | Fold)[];
}

const FEW = 6;

/** Entries (newest first) by day. `apart`: nothing is drawn together. */
export function byDay(
  entries: readonly DiaryEntry[],
  zone: Zone,
  options: { oldestFirst?: boolean; apart?: boolean } = {},
): Day[] {
  const days = new Map<string, DiaryEntry[]>();
  for (const entry of entries) {
    const day = dayOf(entry.time, zone);
    const there = days.get(day);
    if (there) there.push(entry);
    else days.set(day, [entry]);
  }
  const out: Day[] = [];
  for (const [day, all] of days) {
    const told = options.apart ? all.map((entry) => tell(entry)) : drawTogether(all);
    if (options.oldestFirst) told.reverse();
    out.push({ day, items: options.apart ? told : fold(told) });
  }
  return options.oldestFirst ? out.reverse() : out;
}

const keyOf = (entry: DiaryEntry) =>
  `${entry.time} ${entry.kind} ${entry.run} ${entry.id ?? entry.text.slice(0, 40)}`;

function tell(entry: DiaryEntry, began = 0): Told {
  return { kind: 'entry', key: keyOf(entry), entry, began };
}

/** A run that began and ended on one day takes one line: its end, with how long it took. */
function drawTogether(all: readonly DiaryEntry[]): Told[] {
  const began = new Map<string, number>();
  for (const entry of all) if (entry.kind === 'run') began.set(entry.run, entry.time);
  const ended = new Set(all.filter((entry) => entry.kind === 'ended').map((entry) => entry.run));
  return all
    .filter((entry) => entry.kind !== 'run' || !ended.has(entry.run))
    .map((entry) => tell(entry, entry.kind === 'ended' ? began.get(entry.run) : 0));
}

function fold(items: readonly Told[]): (Told | Fold)[] {
  const out: (Told | Fold)[] = [];
  let row: Told[] = [];
  const flush = () => {
    const first = row[0];
    if (first && row.length > FEW) out.push({ kind: 'fold', key: `fold ${first.key}`, items: row });
    else out.push(...row);
    row = [];
  };
  for (const item of items) {
    const quiet =
      item.entry.kind === 'run' ||
      (item.entry.kind === 'ended' && item.entry.status === 'finished');
    if (quiet) row.push(item);
    else {
      flush();
      out.push(item);
    }
  }
  flush();
  return out;
}

/** '14 runs: 12 finished, 2 began' */
export function foldText(fold: Fold): string {
  const runs = new Set(fold.items.map((item) => item.entry.run)).size;
  const ended = fold.items.filter((item) => item.entry.kind === 'ended').length;
  const parts = [
    ended && `${ended} finished`,
    fold.items.length - ended && `${fold.items.length - ended} began`,
  ];
  return `${runs} runs: ${parts.filter(Boolean).join(', ')}`;
}

const WEEKDAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );

/** 'Today, Saturday 28 November', 'Yesterday, …', 'Friday 2 January 2025' */
export function dayTitle(day: string, nowUs: number, zone: Zone): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const weekday = WEEKDAYS[new Date(Date.UTC(year, month - 1, date)).getUTCDay()] ?? '';
  const today = dayOf(nowUs, zone);
  const name = `${weekday} ${date} ${MONTHS[month - 1] ?? ''}`;
  if (day === today) return `Today, ${name}`;
  if (day === dayOf(nowUs - 86_400e6, zone)) return `Yesterday, ${name}`;
  return day.slice(0, 4) === today.slice(0, 4) ? name : `${name} ${year}`;
}

export interface AlertParts {
  level: 'info' | 'warning' | 'error';
  text: string;
}

/** The level of an alert stands before its text. */
export function alertParts(entry: DiaryEntry): AlertParts {
  const found = /^(info|warning|error): (.*)$/s.exec(entry.text);
  const level = (entry.level || found?.[1] || 'warning') as AlertParts['level'];
  return { level, text: found?.[2] ?? entry.text };
}
