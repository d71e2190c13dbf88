import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as calls from '../../api/calls';
import type { SeriesFrame } from '../../lib/series';
import { frameOf } from '../../lib/series.fixture';
import { PanelSeries } from './loader.svelte';

vi.mock('../../api/calls', () => ({ series: vi.fn() }));

/** Answers in the order of the questions, when the test says so. */
const series = vi.mocked(calls.series);
const answers: ((frame: SeriesFrame) => void)[] = [];
const settle = () => new Promise((resolve) => setTimeout(resolve, 40));
const asked = (at: number) => series.mock.calls[at]?.[0];

const loss = { keys: ['loss'], stats: ['min', 'max', 'last', 'count'] as const, width: 0 };
function frame(x: number[], runs: [name: string, values: number[]][], from?: number): SeriesFrame {
  return frameOf({
    ...loss,
    stats: [...loss.stats],
    x,
    runs: ['old', 'new'],
    missing: ['old', 'new'].flatMap((name, i): [number, number][] =>
      runs.some(([one]) => one === name) ? [] : [[i, 0]],
    ),
    series: runs.map(([name, values]) => ({
      run: name === 'old' ? 0 : 1,
      columns: [values, values, values, values.map((one) => (Number.isNaN(one) ? NaN : 1))],
      last: x[values.findLastIndex((one) => !Number.isNaN(one))] ?? 0,
    })),
    ...(from === undefined ? {} : { from }),
  });
}

let panel: PanelSeries;
let label = 0;
/** What one test learned is not known to the next. */
const want = (x = 'step') =>
  panel.want({
    runs: ['old', 'new'],
    keys: ['loss'],
    x,
    settings: { smooth: 0, by: 'ema' },
    buckets: 100 + ++label,
    grouped: false,
    zoom: null,
  });
beforeEach(() => {
  answers.length = 0;
  series.mockReset();
  series.mockImplementation(() => new Promise((done) => answers.push(done)));
  panel = new PanelSeries();
});

describe('the series of a panel', () => {
  it('asks for what came while an answer was on its way', async () => {
    want();
    void panel.tick(['new']);
    expect(series).toHaveBeenCalledTimes(1);
    answers[0]?.(frame([0, 1], [['new', [5, 4]]], 1));
    await settle();
    // the tick during the first answer, and two during that one: one more
    void panel.tick(['new']);
    void panel.tick(['new']);
    expect(series).toHaveBeenCalledTimes(2);
    answers[1]?.(frame([1, 2], [['new', [4, 3]]], 2));
    await settle();
    expect(series).toHaveBeenCalledTimes(3);
    answers[2]?.(frame([2, 3], [['new', [3, 2]]]));
    await settle();
    expect([...(panel.frame?.column(0, 'last') ?? [])]).toEqual([5, 4, 3, 2]);
    expect(series).toHaveBeenCalledTimes(3);
  });

  it('waits for a first answer with nothing in it, however often a run goes on', async () => {
    want();
    answers[0]?.(frame([], []));
    await settle();
    for (let i = 0; i < 3; i++) void panel.tick(['new']);
    await settle();
    expect(series).toHaveBeenCalledTimes(2);
    answers[1]?.(frame([0], [['new', [5]]], 0));
    await settle();
    expect(panel.frame?.header.series).toHaveLength(1);
  });

  it('asks for all when a run goes on that had ended before the others', async () => {
    want();
    const both: [string, number[]][] = [['old', [1, 1, 1]], ['new', [2, NaN, NaN]]]; // prettier-ignore
    answers[0]?.(frame([0, 50, 100], both));
    await settle();
    void panel.tick(['new']);
    await settle();
    expect(asked(1)?.low).toBeNull();
  });

  it('asks for all when a run begins to log what only others had', async () => {
    want();
    answers[0]?.(frame([0, 100], [['old', [2, 1]]], 100));
    await settle();
    void panel.tick(['new']);
    await settle();
    expect(asked(1)).toMatchObject({ runs: ['new'], low: null, buckets: 1 });
    answers[1]?.(frame([3], [['new', [5]]]));
    await settle();
    expect(asked(2)).toMatchObject({ runs: ['old', 'new'], low: null });
  });

  it('asks for all along another metric, which goes up and down', async () => {
    want('accuracy');
    answers[0]?.(frame([0, 0.9], [['new', [2, 1]]], 0.9));
    await settle();
    void panel.tick(['new']);
    await settle();
    expect(asked(1)?.low).toBeNull();
  });
});
