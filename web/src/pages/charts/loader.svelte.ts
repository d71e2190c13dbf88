/** Series for one panel: asked once, refined for a zoom, and kept up by ticks. */
import * as calls from '../../api/calls';
import type { SeriesRequest, Stat } from '../../api/types';
import type { SeriesFrame } from '../../lib/series';
import { requestFor, type Wanted } from './request';
import { lacks, mergeTail, nameOf, outgrown, tailStart, wokeUp } from './tail';
import { askTogether } from './together';

const MOST = 80;
const known = new Map<string, SeriesFrame>();

function remember(name: string, frame: SeriesFrame): void {
  known.delete(name);
  known.set(name, frame);
  for (const oldest of known.keys()) {
    if (known.size <= MOST) break;
    known.delete(oldest);
  }
}

export class PanelSeries {
  /** What is drawn: the refined part while zoomed, else all. */
  frame = $state.raw<SeriesFrame>();
  error = $state.raw<unknown>();
  loading = $state(true);
  private whole = '';
  private part = '';
  private control: AbortController | undefined;
  private ticking = false;
  private wanted: Wanted | undefined;
  /** Runs that went on while an answer was on its way, which may not know it. */
  private missed = new Set<string>();

  /** Ask for what is wanted, unless it is there or on its way. */
  want(wanted: Wanted): void {
    this.wanted = wanted;
    const name = JSON.stringify(requestFor(wanted));
    if (name === this.part && !this.error) return;
    this.part = name;
    const all = JSON.stringify(requestFor({ ...wanted, zoom: null }));
    if (all !== this.whole) this.whole = all;
    const there = known.get(name);
    // what is known of the whole is drawn at once, and refined when the answer comes
    this.frame = there ?? known.get(all) ?? this.frame;
    void this.load(name, Boolean(there));
  }

  stop(): void {
    this.control?.abort();
    this.control = undefined;
    this.part = '';
  }

  retry = (): void => {
    this.part = '';
    if (this.wanted) this.want(this.wanted);
  };

  private async load(name: string, quiet: boolean): Promise<void> {
    this.control?.abort();
    const control = (this.control = new AbortController());
    this.loading = !quiet;
    try {
      const request = JSON.parse(name) as SeriesRequest;
      const frame = await calls.series(request, { signal: control.signal });
      // where there is nothing yet, something may come: it is asked for anew
      if (frame.header.series.length) remember(name, frame);
      [this.frame, this.error, this.loading] = [frame, undefined, false];
      this.control = undefined;
      if (this.missed.size) void this.tick([]);
    } catch (error) {
      if (control.signal.aborted) return;
      this.control = undefined;
      [this.error, this.loading] = [error, false];
    }
  }

  /** These runs went on: ask for what is new. A zoom into the past does not change. */
  async tick(runs: readonly string[]): Promise<void> {
    for (const run of runs) this.missed.add(run);
    const { frame, wanted } = this;
    if (!frame || !wanted || this.ticking || this.control) return;
    const changed = new Set(this.missed);
    this.missed.clear();
    const from = tailStart(frame);
    if (wanted.zoom && from !== null && wanted.zoom.high < from) return;
    // a metric goes up and down: along it, what is new may lie anywhere
    const anywhere = !['step', 'time', 'relative'].includes(wanted.x);
    if (
      from === null ||
      anywhere ||
      outgrown(frame, wanted.buckets) ||
      wokeUp(frame, changed, from)
    )
      return this.load(this.part, true);
    this.ticking = true;
    const name = this.part;
    try {
      const begun = await this.begun(frame, wanted, changed);
      if (name !== this.part || this.frame !== frame) return;
      if (begun) return await this.load(name, true);
      const request = { ...requestFor(wanted), low: from, width: frame.header.width || null };
      const tail = await askTogether(request);
      if (name !== this.part || this.frame !== frame) return;
      const merged = mergeTail(frame, tail, from);
      if (!merged) return await this.load(name, true);
      remember(name, merged);
      this.frame = merged;
    } catch {
      // the next tick, or the connection's bar, tells
      for (const run of changed) this.missed.add(run);
      return;
    } finally {
      this.ticking = false;
    }
    if (this.missed.size) void this.tick([]);
  }

  /** Did one of them log what it lacked? It begins where others were long ago: before the tail. */
  private async begun(
    frame: SeriesFrame,
    wanted: Wanted,
    changed: ReadonlySet<string>,
  ): Promise<boolean> {
    const runs = lacks(frame, changed);
    if (!runs.length) return false;
    const stats: Stat[] = ['last'];
    const question = { ...requestFor(wanted), runs, buckets: 1, stats, smoothing: null };
    const { header } = await askTogether(question);
    const known = new Set(frame.header.series.map((one) => nameOf(frame.header, one)));
    return header.series.some((one) => !known.has(nameOf(header, one)));
  }
}
