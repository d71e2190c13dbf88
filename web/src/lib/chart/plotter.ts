/** The only user of uPlot: it draws frame, grid and axes; the lines are drawn by draw.ts. */
import uPlot from 'uplot';

import { durationSteps, durationText, logText, tickText, timeText } from './axes';
import { PLAIN, quantitySteps, quantityTicks, type Quantity } from './quantity';
import { drawEdges, drawLine, drawMarks, type Plot } from './draw';
import { drawName } from './overlay';
import { placer, symlogThreshold } from './scale';
import { drawTicks, type Tick } from './ticks';
import type { ChartData, Range, YScale } from './types';

export type XKind = 'step' | 'time' | 'relative' | 'number';

export interface PlotSettings {
  data: ChartData;
  x: XKind;
  xLog: boolean;
  y: YScale;
  view: Range;
  range: Range;
  /** What is measured along y, and along x where that is a metric. */
  quantity?: Quantity | undefined;
  xQuantity?: Quantity | undefined;
  /** Lines drawn in the background colour strength: all but this one fade. */
  colours: { text: string; grid: string; ground?: string };
  font: string;
  /** Marks along the top. */
  ticks?: readonly Tick[];
  /** Draws what is no line. */
  paint?: (ctx: CanvasRenderingContext2D) => void;
}

/** uPlot counts time in seconds, we in µs. */
const unitOf = (kind: XKind) => (kind === 'time' ? 1e6 : 1);

export class Plotter {
  private u: uPlot | undefined;
  private now: PlotSettings;
  private shape = '';
  private size = { width: 0, height: 0 };

  constructor(
    private readonly host: HTMLElement,
    settings: PlotSettings,
  ) {
    this.now = settings;
  }

  resize(width: number, height: number): void {
    if (width === this.size.width && height === this.size.height) return;
    this.size = { width, height };
    if (this.u) this.u.setSize(this.size);
    else this.update(this.now);
  }

  update(settings: PlotSettings): void {
    this.now = settings;
    if (this.size.width < 40 || this.size.height < 40) return;
    const { x, xLog, y, colours, font } = settings;
    const { quantity, xQuantity } = settings;
    const threshold = y === 'symlog' ? this.threshold : 0;
    const shape = JSON.stringify([x, xLog, y, threshold, colours, font, quantity, xQuantity]);
    if (shape !== this.shape) {
      this.u?.destroy();
      this.shape = shape;
      this.u = new uPlot(this.options(), this.ends(), this.host);
    } else this.u?.setData(this.ends());
  }

  destroy(): void {
    this.u?.destroy();
    this.u = undefined;
  }

  /** The canvas that has been drawn, for saving it as a picture. */
  get canvas(): HTMLCanvasElement | undefined {
    return this.u?.ctx.canvas;
  }

  /** Where the plot lies, in CSS px from the host's corner. */
  get plot(): Plot | null {
    if (!this.u) return null;
    const { left, top, width, height } = this.u.bbox;
    const ratio = uPlot.pxRatio;
    const { view, range, xLog, y } = this.now;
    return {
      left: left / ratio,
      top: top / ratio,
      width: width / ratio,
      height: height / ratio,
      x: placer(xLog ? 'log' : 'linear', view),
      y: placer(y, range, this.threshold),
      view,
    };
  }

  private get threshold(): number {
    return symlogThreshold(this.now.range);
  }

  private ends(): uPlot.AlignedData {
    const unit = unitOf(this.now.x);
    return [
      [this.now.view.low / unit, this.now.view.high / unit],
      [this.now.range.low, this.now.range.high],
    ];
  }

  private options(): uPlot.Options {
    const { x, xLog, y } = this.now;
    const unit = unitOf(x);
    return {
      ...this.size,
      cursor: { show: false },
      legend: { show: false },
      padding: [8, 16, 0, 0],
      scales: {
        x: {
          time: x === 'time',
          distr: xLog ? 3 : 1,
          range: () => [this.now.view.low / unit, this.now.view.high / unit],
        },
        y: {
          distr: y === 'log' ? 3 : y === 'symlog' ? 4 : 1,
          asinh: this.threshold,
          range: () => [this.now.range.low, this.now.range.high],
        },
      },
      series: [{}, { paths: () => null, points: { show: false } }],
      axes: [this.xAxis(), this.yAxis()],
      hooks: { draw: [(u) => this.draw(u)] },
    };
  }

  private axis(): uPlot.Axis {
    const { text, grid } = this.now.colours;
    return {
      stroke: text,
      font: this.now.font,
      grid: { stroke: grid, width: 1 },
      ticks: { show: false },
      border: { show: false },
      gap: 4,
    };
  }

  private xAxis(): uPlot.Axis {
    const { x, xLog } = this.now;
    const axis: uPlot.Axis = { ...this.axis(), size: 22, space: 64 };
    if (x === 'time') axis.values = (_, splits, __, ___, step) => timeText(splits, step);
    else if (xLog) axis.values = (_, splits) => logText(splits);
    else if (x === 'relative') {
      axis.values = (_, splits) => durationText(splits);
      axis.incrs = durationSteps();
    } else if (x === 'step') axis.values = (_, splits) => tickText(splits, true);
    else {
      const quantity = this.now.xQuantity ?? PLAIN;
      axis.values = (_, splits) => quantityTicks(splits, quantity);
      const steps = quantitySteps(quantity);
      if (steps) axis.incrs = steps;
    }
    if (x === 'step' && !xLog) {
      axis.incrs = [1, 2, 5, 10].flatMap((n) => [...Array(15).keys()].map((k) => n * 10 ** k));
      axis.incrs = [...new Set(axis.incrs)].sort((a, b) => a - b);
    }
    return axis;
  }

  private yAxis(): uPlot.Axis {
    const straight = this.now.y === 'linear';
    const quantity = this.now.quantity ?? PLAIN;
    const steps = straight ? quantitySteps(quantity) : undefined;
    return {
      ...this.axis(),
      space: 30,
      size: (_, values) => {
        const longest = Math.max(0, ...(values ?? []).map((text) => String(text ?? '').length));
        return Math.max(28, Math.ceil(longest * 6.4) + 12);
      },
      values: (_, splits) => quantityTicks(splits, quantity, straight),
      ...(steps ? { incrs: steps } : {}),
    };
  }

  private draw(u: uPlot): void {
    const plot = this.plot;
    if (!plot) return;
    const { data, range } = this.now;
    u.ctx.save();
    u.ctx.scale(uPlot.pxRatio, uPlot.pxRatio);
    u.ctx.beginPath();
    u.ctx.rect(plot.left - 4, plot.top - 4, plot.width + 8, plot.height + 8);
    u.ctx.clip();
    const thick = data.lines.length > 40 ? 1 : 1.5;
    for (const line of data.lines) drawLine(u.ctx, data, line, plot, line.thick ?? thick);
    this.now.paint?.(u.ctx);
    drawEdges(u.ctx, data, plot, range);
    drawMarks(u.ctx, data, plot);
    drawTicks(u.ctx, this.now.ticks ?? [], plot);
    const { font, colours } = this.now;
    const ground = colours.ground ?? 'transparent';
    for (const line of data.lines) {
      if (line.thick) drawName(u.ctx, { plot, data, font, colours: { ground } }, line);
    }
    u.ctx.restore();
  }
}
