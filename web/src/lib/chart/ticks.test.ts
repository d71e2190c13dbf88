import { expect, it } from 'vitest';
import type { ChartEvent } from '../../api/types';
import type { Plot } from './draw';
import { ticksAt, ticksOf } from './ticks';

const event = (more: Partial<ChartEvent>): ChartEvent => ({
  run: 'a',
  kind: 'note',
  time: 5e6,
  relative: 4,
  step: 50,
  level: '',
  text: 'look',
  ...more,
});
const runs = [
  { id: 'a', name: 'ant', colour: '#111111' },
  { id: 'b', name: 'bee', colour: '#222222' },
];
const plot: Plot = {
  left: 0,
  top: 10,
  width: 100,
  height: 50,
  x: (value) => value / 100,
  y: () => 0,
  view: { low: 0, high: 100 },
};

it('marks stand on the axis that the chart has, and say whose they are', () => {
  const events = [
    event({ kind: 'alert', level: 'error', text: 'loss is NaN' }),
    event({ run: 'b', step: null }),
    event({ run: 'gone' }),
  ];
  const [one, ...none] = ticksOf(events, runs, 'step');
  expect(none).toEqual([]);
  expect(one).toEqual({ x: 50, kind: 'alert', colour: '#111111', text: 'ant: error: loss is NaN' });
  expect(ticksOf(events, runs, 'time').map((tick) => tick.x)).toEqual([5e6, 5e6]);
  expect(ticksOf(events, runs, 'relative')[1]).toMatchObject({ x: 4, text: 'bee: note: look' });
  expect(ticksOf(events, runs, 'tokens')).toEqual([]);
  expect(ticksOf([event({})], runs.slice(0, 1), 'step')[0]?.text).toBe('note: look');
});

it('marks are pointed at near the top of the plot', () => {
  const ticks = ticksOf([event({}), event({ step: 400 })], runs, 'step');
  expect(ticksAt(ticks, plot, 53, 15)).toHaveLength(1);
  expect(ticksAt(ticks, plot, 53, 40)).toEqual([]);
  expect(ticksAt(ticks, plot, 80, 15)).toEqual([]);
});
