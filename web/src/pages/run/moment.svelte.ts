/**
 * One moment for all tabs: a step that is pointed at in a chart, chosen in the media, or fixed in
 * the address; and the time it had, for the console.
 */
import { resource, type Resource } from '../../lib/resource.svelte';
import * as calls from './calls';
import { clockKey, clockOf, stepAt, timeAt, type Clock } from './logic/moment';
import type { RunPage } from './page.svelte';

export class Moment {
  /** Pointed at just now; null: nowhere. */
  hovered = $state<number | null>(null);
  private wanted = $state(false);
  private readonly known: Resource<Clock>;

  constructor(private readonly page: RunPage) {
    this.known = resource(
      () => {
        const metrics = page.run?.metrics;
        const key = this.wanted && metrics ? clockKey(metrics) : null;
        const done = page.running ? Math.floor((metrics?.[key ?? '']?.n ?? 0) / 500) : -1;
        return key === null ? null : { key, done };
      },
      async ({ key }, signal) => {
        const { series } = await calls.history(page.id, { key: [key] }, { signal });
        return clockOf(series[0]?.steps ?? [], series[0]?.times ?? []);
      },
    );
    $effect(() =>
      page.cursor.listen(({ x }) => {
        if (page.view.now.x === 'step') this.hovered = x === null ? null : Math.round(x);
      }),
    );
    $effect(() =>
      page.clock.listen(({ x }) => {
        const started = page.run?.started ?? 0;
        const step = x === null ? NaN : this.stepOf(started + x * 1e6);
        this.hovered = Number.isFinite(step) ? step : null;
      }),
    );
  }

  /** The step at hand: what is pointed at, else what is fixed. */
  get step(): number | null {
    return this.hovered ?? this.page.view.now.step;
  }

  /** The clock is needed: steps are turned into times. */
  want(): void {
    this.wanted = true;
  }

  timeOf(step: number): number {
    return this.known.data ? timeAt(this.known.data, step) : NaN;
  }

  stepOf(time: number): number {
    return this.known.data ? Math.round(stepAt(this.known.data, time)) : NaN;
  }

  fix(step: number | null): void {
    this.page.view.set({ step }, { replace: true });
  }
}
