/** What moves with the pointer, on a canvas of its own: cursor line, dots, the raised line. */
import { drawLine, type Plot } from './draw';
import type { Reading } from './nearest';
import type { ChartData, Line, Range } from './types';

export interface OverlayState {
  data: ChartData;
  plot: Plot;
  /** Place of the cursor on x, in the data's unit. */
  x: number | null;
  readings: readonly Reading[];
  raised: number;
  select: Range | null;
  /** A range of y that is being chosen. */
  band: Range | null;
  colours: { cursor: string; ground: string; accent: string; text: string };
  font: string;
}

/** Gives the canvas the size of its host; true where it changed. */
export function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): void {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
}

export function drawOverlay(canvas: HTMLCanvasElement, state: OverlayState): void {
  const ctx = canvas.getContext('2d');
  if (!ctx) return;
  const ratio = devicePixelRatio || 1;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  ctx.scale(ratio, ratio);
  const { plot, data } = state;
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.left, plot.top, plot.width, plot.height);
  ctx.clip();
  if (state.select) drawSelect(ctx, state, state.select);
  if (state.band) drawBand(ctx, state, state.band);
  const raised = data.lines[state.raised];
  if (raised) {
    for (const one of raised.members?.slice(0, MOST_MEMBERS) ?? []) {
      drawLine(ctx, data, { ...one, style: 'plain' }, plot, 0.8);
    }
    drawLine(ctx, data, raised, plot, Math.max(2.5, raised.thick ?? 0));
  }
  if (state.x !== null) drawCursor(ctx, state, state.x);
  ctx.restore();
  if (raised) drawName(ctx, state, raised);
}

/** Runs of a group that are drawn while it is pointed at. */
const MOST_MEMBERS = 60;

function drawBand(ctx: CanvasRenderingContext2D, state: OverlayState, band: Range): void {
  const { plot, colours } = state;
  const a = plot.top + (1 - plot.y(band.high)) * plot.height;
  const b = plot.top + (1 - plot.y(band.low)) * plot.height;
  ctx.globalAlpha = 0.15;
  ctx.fillStyle = colours.accent;
  ctx.fillRect(plot.left, a, plot.width, b - a);
  ctx.globalAlpha = 1;
}

function drawSelect(ctx: CanvasRenderingContext2D, state: OverlayState, select: Range): void {
  const { plot, colours } = state;
  const a = plot.left + plot.x(select.low) * plot.width;
  const b = plot.left + plot.x(select.high) * plot.width;
  ctx.globalAlpha = 0.15;
  ctx.fillStyle = colours.accent;
  ctx.fillRect(a, plot.top, b - a, plot.height);
  ctx.globalAlpha = 1;
}

function drawCursor(ctx: CanvasRenderingContext2D, state: OverlayState, at: number): void {
  const { plot, colours, data } = state;
  const x = Math.round(plot.left + plot.x(at + data.width / 2) * plot.width) + 0.5;
  if (x < plot.left || x > plot.left + plot.width) return;
  ctx.strokeStyle = colours.cursor;
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(x, plot.top);
  ctx.lineTo(x, plot.top + plot.height);
  ctx.stroke();
  ctx.setLineDash([]);
  for (const reading of state.readings) {
    const line = data.lines[reading.line];
    if (!line) continue;
    const there = (data.x[reading.index] as number) + data.width / 2;
    const left = plot.left + plot.x(there) * plot.width;
    const top = plot.top + (1 - plot.y(reading.value)) * plot.height;
    ctx.beginPath();
    ctx.arc(left, top, reading.line === state.raised ? 4 : 3, 0, 7);
    ctx.fillStyle = line.colour;
    ctx.fill();
    ctx.strokeStyle = colours.ground;
    ctx.stroke();
  }
}

/** A line's name at its last value in view. */
export function drawName(
  ctx: CanvasRenderingContext2D,
  state: Pick<OverlayState, 'plot' | 'data' | 'font'> & { colours: { ground: string } },
  line: Line,
): void {
  const { plot, data, colours } = state;
  const { name, colour } = line;
  let i = data.x.length - 1;
  while (i >= 0 && ((data.x[i] as number) > plot.view.high || !Number.isFinite(line.y[i]))) i -= 1;
  if (i < 0) return;
  ctx.font = state.font;
  const text = name.length > 36 ? `${name.slice(0, 35)}…` : name;
  const wide = ctx.measureText(text).width;
  const end = plot.left + plot.x((data.x[i] as number) + data.width / 2) * plot.width;
  const left = Math.max(plot.left + 2, Math.min(end - wide - 6, plot.left + plot.width - wide - 6));
  const y = plot.top + (1 - plot.y(line.y[i] as number)) * plot.height;
  const top = Math.max(plot.top + 14, Math.min(y - 7, plot.top + plot.height - 6));
  ctx.fillStyle = colours.ground;
  ctx.globalAlpha = 0.85;
  ctx.fillRect(left - 4, top - 12, wide + 8, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour;
  ctx.fillText(text, left, top);
}
