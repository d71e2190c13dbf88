/** What this browser prefers; pages read it, the page of settings writes it. */
import { timeStyle } from '../../lib/format';
import { Saved } from '../../lib/saved.svelte';
import type { TimeStyle, Zone } from './times';

export type Density = 'comfortable' | 'compact';

class Prefs {
  private readonly savedDensity = new Saved<Density>('density', 'comfortable');
  private readonly savedSmoothing = new Saved<number>('smoothing', 0);
  private readonly savedVisible = new Saved<number>('visible', 10);
  private readonly savedTimes = new Saved<TimeStyle>('times', 'relative');
  private readonly savedZone = new Saved<Zone>('zone', 'local');

  get density(): Density {
    return this.savedDensity.value === 'compact' ? 'compact' : 'comfortable';
  }
  set density(value: Density) {
    this.savedDensity.value = value;
    this.apply();
  }

  /** Weight of the moving average that charts begin with, 0 to 0.999. */
  get smoothing(): number {
    return within(this.savedSmoothing.value, 0, 0.999, 0);
  }
  set smoothing(value: number) {
    this.savedSmoothing.value = value;
  }

  /** How many runs a project's charts begin with. */
  get visible(): number {
    return within(this.savedVisible.value, 1, 100, 10);
  }
  set visible(value: number) {
    this.savedVisible.value = value;
  }

  get times(): TimeStyle {
    return this.savedTimes.value === 'absolute' ? 'absolute' : 'relative';
  }
  set times(value: TimeStyle) {
    this.savedTimes.value = value;
    this.apply();
  }

  get zone(): Zone {
    return this.savedZone.value === 'utc' ? 'utc' : 'local';
  }
  set zone(value: Zone) {
    this.savedZone.value = value;
    this.apply();
  }

  /** Height of a row in tables that draw only what is in view. */
  get row(): number {
    return this.density === 'compact' ? 24 : 28;
  }

  /** Density is a token, times a style; phones keep rows that a thumb can hit. */
  apply(): void {
    timeStyle.utc = this.zone === 'utc';
    timeStyle.full = this.times === 'absolute';
    if (typeof document === 'undefined') return;
    const style = document.documentElement.style;
    const narrow = matchMedia('(max-width: 720px)').matches;
    if (this.density === 'compact' && !narrow) style.setProperty('--row', '24px');
    else style.removeProperty('--row');
  }
}

function within(value: unknown, low: number, high: number, otherwise: number): number {
  return typeof value === 'number' && value >= low && value <= high ? value : otherwise;
}

export const prefs = new Prefs();
prefs.apply();
