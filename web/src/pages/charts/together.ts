/** What panels ask at the same time about the same runs is asked at once, and handed out again. */
import * as calls from '../../api/calls';
import type { SeriesRequest, Stat } from '../../api/types';
import type { Floats, SeriesFrame } from '../../lib/series';

interface Waiting {
  keys: readonly string[];
  done: (frame: SeriesFrame) => void;
  fail: (problem: unknown) => void;
}

/** ms for which questions are gathered: changes reach the panels within some of each other. */
const GATHER = 25;
const gathered = new Map<string, Waiting[]>();

export type Ask = (request: SeriesRequest) => Promise<SeriesFrame>;

/** As calls.series, for small answers that many panels want in the same moment. */
export function askTogether(request: SeriesRequest, ask: Ask = calls.series): Promise<SeriesFrame> {
  const { keys, ...rest } = request;
  const name = JSON.stringify(rest);
  return new Promise((done, fail) => {
    const there = gathered.get(name);
    if (there) {
      there.push({ keys, done, fail });
      return;
    }
    const waiting = [{ keys, done, fail }];
    gathered.set(name, waiting);
    setTimeout(() => {
      gathered.delete(name);
      void handOut(request, waiting, ask);
    }, GATHER);
  });
}

async function handOut(request: SeriesRequest, waiting: Waiting[], ask: Ask): Promise<void> {
  const keys = [...new Set(waiting.flatMap((one) => one.keys))];
  try {
    const frame = await ask({ ...request, keys });
    for (const { keys: own, done } of waiting) done(partOf(frame, own));
  } catch (problem) {
    for (const { fail } of waiting) fail(problem);
  }
}

/** The series of some of the metrics, on an x without the places where they have nothing. */
export function partOf(frame: SeriesFrame, keys: readonly string[]): SeriesFrame {
  const { header } = frame;
  if (header.keys.every((key) => keys.includes(key))) return frame;
  const chosen = header.series.flatMap((one, i) =>
    keys.includes(header.keys[one.key] ?? '') ? [i] : [],
  );
  const places = filled(frame, chosen);
  const take = <T extends Floats>(all: T): T => {
    const Kind = all.constructor as unknown as new (length: number) => T;
    const out = new Kind(places.length);
    for (const [to, from] of places.entries()) out[to] = all[from] as number;
    return out;
  };
  const series = chosen.flatMap((i) => {
    const one = header.series[i];
    return one ? [{ ...one, key: keys.indexOf(header.keys[one.key] ?? '') }] : [];
  });
  const column = (i: number, stat: Stat) => {
    const all = frame.column(chosen[i] ?? -1, stat);
    return all && take(all);
  };
  return {
    header: { ...header, keys: [...keys], series, n: places.length },
    x: take(frame.x),
    column,
  };
}

/** Where on x one of the series has something. */
function filled(frame: SeriesFrame, chosen: readonly number[]): number[] {
  const there = new Uint8Array(frame.x.length);
  for (const i of chosen) {
    for (const stat of frame.header.stats) {
      const column = frame.column(i, stat);
      if (!column) continue;
      for (let at = 0; at < there.length; at++) if (!Number.isNaN(column[at])) there[at] = 1;
    }
  }
  return [...there.keys()].filter((at) => there[at]);
}
