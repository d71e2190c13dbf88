/** What happened beside the curves, as small marks at the top of a chart. */
import type { ChartEvent } from '../../api/types';
import type { Plot } from './draw';

export interface Tick {
  x: number;
  kind: ChartEvent['kind'];
  colour: string;
  /** 'vit-03: warning: loss rose twice'. */
  text: string;
}

export interface TickRun {
  id: string;
  name: string;
  colour: string;
}

const WORDS: Record<ChartEvent['kind'], string> = {
  alert: 'alert',
  note: 'note',
  resumed: 'resumed',
  ended: 'ended',
};

/** Marks for an axis of steps, times or seconds; on any other axis nothing has a place. */
export function ticksOf(
  events: readonly ChartEvent[],
  runs: readonly TickRun[],
  axis: string,
): Tick[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  return events.flatMap((event) => {
    const run = byId.get(event.run);
    const x = placeOf(event, axis);
    if (!run || x === null || !Number.isFinite(x)) return [];
    const said = event.kind === 'alert' ? `${event.level}: ${event.text}` : event.text;
    const word = event.kind === 'alert' || event.kind === 'ended' ? '' : WORDS[event.kind];
    const text = [runs.length > 1 && run.name, word, said].filter(Boolean).join(': ');
    return [{ x, kind: event.kind, colour: run.colour, text }];
  });
}

function placeOf(event: ChartEvent, axis: string): number | null {
  if (axis === 'step') return typeof event.step === 'number' ? event.step : null;
  if (axis === 'time') return event.time;
  return axis === 'relative' ? Number(event.relative) : null;
}

const REACH = 7;
/** px below the top of the plot in which marks are pointed at. */
export const HIGH = 14;

const left = (plot: Plot, x: number) => plot.left + plot.x(x) * plot.width;

/** Those under the pointer, which is near the top of the plot. */
export function ticksAt(ticks: readonly Tick[], plot: Plot, x: number, y: number): Tick[] {
  if (y > plot.top + HIGH) return [];
  return ticks.filter((tick) => inView(tick, plot) && Math.abs(left(plot, tick.x) - x) <= REACH);
}

const inView = (tick: Tick, plot: Plot) => tick.x >= plot.view.low && tick.x <= plot.view.high;

/** Each kind has a form, so that colour is left to the run. */
export function drawTicks(ctx: CanvasRenderingContext2D, ticks: readonly Tick[], plot: Plot): void {
  for (const tick of ticks) {
    if (!inView(tick, plot)) continue;
    const x = Math.round(left(plot, tick.x));
    const y = plot.top;
    ctx.fillStyle = ctx.strokeStyle = tick.colour;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    if (tick.kind === 'alert') {
      ctx.moveTo(x - 4, y - 2);
      ctx.lineTo(x + 4, y - 2);
      ctx.lineTo(x, y + 6);
      ctx.fill();
    } else if (tick.kind === 'note') {
      ctx.rect(x - 3, y - 1, 6, 6);
      ctx.fill();
    } else if (tick.kind === 'resumed') {
      ctx.arc(x, y + 2, 3, 0, 7);
      ctx.stroke();
    } else {
      ctx.moveTo(x - 3, y - 1);
      ctx.lineTo(x + 3, y + 5);
      ctx.moveTo(x + 3, y - 1);
      ctx.lineTo(x - 3, y + 5);
      ctx.stroke();
    }
    ctx.beginPath();
    ctx.moveTo(x, y + 5);
    ctx.lineTo(x, y + 11);
    ctx.lineWidth = 1;
    ctx.stroke();
  }
}
