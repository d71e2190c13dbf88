/** Draws lines onto a canvas. All lengths in CSS px; the context is scaled by the caller. */
import { fade } from '../colour';
import type { Floats } from '../series';
import { indexRange } from './range';
import type { Place } from './scale';
import type { ChartData, Line, Range } from './types';

/** Where on the canvas the plot is, and how values come onto it. */
export interface Plot {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Place;
  y: Place;
  view: Range;
}

const px = (plot: Plot, value: number) => plot.left + plot.x(value) * plot.width;
const py = (plot: Plot, value: number) => plot.top + (1 - plot.y(value)) * plot.height;
/** Canvas has limits of its own; what is far outside is drawn just outside. */
const near = (plot: Plot, at: number) =>
  Math.max(plot.top - 2000, Math.min(plot.top + plot.height + 2000, at));

/** A line through its values; with low and high, through these as well. */
export function linePath(data: ChartData, line: Line, plot: Plot, spikes: boolean): Path2D {
  const path = new Path2D();
  const [from, to] = around(data.x, plot.view);
  const half = data.width / 2;
  const { y } = line;
  const low = spikes ? line.low : undefined;
  const high = spikes ? line.high : undefined;
  let pen = false;
  let before = 0;
  for (let i = from; i < to; i++) {
    const at = near(plot, py(plot, y[i] as number));
    if (Number.isNaN(at)) continue;
    const x = px(plot, (data.x[i] as number) + half);
    if (low && high && (low[i] as number) < (high[i] as number)) {
      const a = near(plot, py(plot, low[i] as number));
      const b = near(plot, py(plot, high[i] as number));
      const first = !pen || Math.abs(before - a) < Math.abs(before - b) ? a : b;
      if (pen) path.lineTo(x, first);
      else path.moveTo(x, first);
      path.lineTo(x, first === a ? b : a);
    } else if (!pen) path.moveTo(x, at);
    pen = true;
    path.lineTo(x, at);
    before = at;
  }
  return path;
}

/** One more index on each side, so that lines run out of the picture. */
function around(x: Float64Array, view: Range): [number, number] {
  const [from, to] = indexRange(x, view);
  return [Math.max(0, from - 1), Math.min(x.length, to + 1)];
}

/** The area between low and high. */
function bandPath(data: ChartData, low: Floats, high: Floats, plot: Plot): Path2D {
  const path = new Path2D();
  const [from, to] = around(data.x, plot.view);
  const half = data.width / 2;
  const back: [number, number][] = [];
  for (let i = from; i < to; i++) {
    const above = near(plot, py(plot, high[i] as number));
    const below = near(plot, py(plot, low[i] as number));
    if (Number.isNaN(above) || Number.isNaN(below)) continue;
    const x = px(plot, (data.x[i] as number) + half);
    if (back.length) path.lineTo(x, above);
    else path.moveTo(x, above);
    back.push([x, below]);
  }
  for (const [x, y] of back.reverse()) path.lineTo(x, y);
  path.closePath();
  return path;
}

export function drawLine(
  ctx: CanvasRenderingContext2D,
  data: ChartData,
  line: Line,
  plot: Plot,
  thick = 1.5,
): void {
  ctx.lineJoin = 'round';
  if (line.low && line.high && (line.style === 'band' || line.style === 'ghost')) {
    ctx.fillStyle = fade(line.colour, line.style === 'band' ? 0.12 : 0.13);
    ctx.fill(bandPath(data, line.low, line.high, plot));
  }
  ctx.strokeStyle = line.colour;
  ctx.lineWidth = thick;
  ctx.setLineDash(line.dash as number[]);
  ctx.stroke(linePath(data, line, plot, line.style === 'spikes'));
  ctx.setLineDash([]);
  drawPoints(ctx, data, line, plot);
}

/** Dots where values stand far apart or alone: a single value would be no line. */
function drawPoints(ctx: CanvasRenderingContext2D, data: ChartData, line: Line, plot: Plot): void {
  const [from, to] = around(data.x, plot.view);
  const most = Math.max(1, plot.width / 16);
  const found: number[] = [];
  for (let i = from; i < to; i++) {
    if (!Number.isFinite(line.y[i])) continue;
    if (found.push(i) > most) return;
  }
  ctx.fillStyle = line.colour;
  for (const i of found) {
    const x = px(plot, (data.x[i] as number) + data.width / 2);
    ctx.beginPath();
    ctx.arc(x, near(plot, py(plot, line.y[i] as number)), found.length === 1 ? 3 : 2, 0, 7);
    ctx.fill();
  }
}

/** Arrows on the edge where a line leaves the range of y, at its farthest place. */
export function drawEdges(
  ctx: CanvasRenderingContext2D,
  data: ChartData,
  plot: Plot,
  range: Range,
): void {
  const [from, to] = indexRange(data.x, plot.view);
  for (const line of data.lines) {
    const top = farthest(line, from, to, 1);
    const foot = farthest(line, from, to, -1);
    ctx.fillStyle = line.colour;
    if (top >= 0 && value(line, top, 1) > range.high) edge(ctx, data, plot, top, 1);
    if (foot >= 0 && value(line, foot, -1) < range.low) edge(ctx, data, plot, foot, -1);
  }
}

const value = (line: Line, i: number, sign: 1 | -1) =>
  ((line.style !== 'ghost' && (sign > 0 ? line.high : line.low)) || line.y)[i] as number;

function farthest(line: Line, from: number, to: number, sign: 1 | -1): number {
  let best = -1;
  let most = -Infinity;
  for (let i = from; i < to; i++) {
    const at = value(line, i, sign) * sign;
    if (at > most && Number.isFinite(at)) [best, most] = [i, at];
  }
  return best;
}

function edge(
  ctx: CanvasRenderingContext2D,
  data: ChartData,
  plot: Plot,
  index: number,
  sign: 1 | -1,
): void {
  const x = px(plot, (data.x[index] as number) + data.width / 2);
  const y = sign > 0 ? plot.top + 1 : plot.top + plot.height - 1;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x - 5, y + sign * 8);
  ctx.lineTo(x + 5, y + sign * 8);
  ctx.fill();
}

/** Marks where a line was NaN (cross at the foot) or infinite (cross at the top or foot). */
export function drawMarks(ctx: CanvasRenderingContext2D, data: ChartData, plot: Plot): void {
  for (const line of data.lines) {
    let last = -Infinity;
    ctx.strokeStyle = line.colour;
    ctx.lineWidth = 1.5;
    for (const mark of line.marks ?? []) {
      const x = px(plot, mark.x + data.width / 2);
      if (x < plot.left || x > plot.left + plot.width || x - last < 7) continue;
      last = x;
      const y = mark.kind === 'posinf' ? plot.top + 6 : plot.top + plot.height - 6;
      ctx.beginPath();
      ctx.moveTo(x - 3, y - 3);
      ctx.lineTo(x + 3, y + 3);
      ctx.moveTo(x + 3, y - 3);
      ctx.lineTo(x - 3, y + 3);
      if (mark.kind !== 'nan') ctx.rect(x - 4.5, y - 4.5, 9, 9);
      ctx.stroke();
    }
  }
}
