import { describe, expect, it } from 'vitest';

import type { MetricSummary } from '../../../api/types';
import { systemUnit } from '../../../lib/chart/quantity';
import { firstHeadline, headlines, oddities, ownSummary, systemGroups } from './metrics';

const metric = (key: string, rest: Partial<MetricSummary> = {}): MetricSummary => ({
  key,
  n: 2,
  last: 1,
  last_step: 9,
  last_time: 0,
  min: 0.5,
  min_step: 3,
  max: 2,
  max_step: 4,
  mean: 1,
  first: 2,
  first_step: 0,
  nan: 0,
  posinf: 0,
  neginf: 0,
  goal: '',
  unit: '',
  x: '',
  summary: '',
  ...rest,
});

const metrics = {
  a: metric('a'),
  'system/cpu.percent': metric('system/cpu.percent'),
  loss: metric('loss', { goal: 'min' }),
  acc: metric('acc', { goal: 'max', max: 'NaN' }),
};

describe('headlines', () => {
  it('puts goals first and leaves the machine out', () => {
    const all = headlines({ metrics });
    expect(all.map((one) => one.key)).toEqual(['acc', 'loss', 'a']);
    expect(all[1]).toMatchObject({ best: 0.5, bestStep: 3 });
    expect(all[0]?.best).toBeNaN();
    expect(firstHeadline({ metrics })?.key).toBe('loss');
    const train = metric('train/loss', { goal: 'min' });
    expect(firstHeadline({ metrics: { train, loss: metrics.loss } })?.key).toBe('loss');
    const val = metric('val', { goal: 'min', summary: 'best' });
    expect(firstHeadline({ metrics: { loss: metrics.loss, val } })?.key).toBe('val');
    expect(firstHeadline({ metrics: {} })).toBeUndefined();
  });

  it('knows what else was summarised', () => {
    expect(ownSummary({ metrics, summary: { loss: 1, note: 'x' } })).toEqual([['note', 'x']]);
  });

  it('says what is no number', () => {
    expect(oddities(metric('x', { nan: 3, neginf: 1 }))).toBe('3 NaN, 1 −∞');
    expect(oddities(metric('x'))).toBe('');
  });
});

it('groups what the machine measured', () => {
  expect(
    systemGroups([
      'system/cpu.percent',
      'loss',
      'system/disk.read',
      'system/new',
      'system/gpu.0.power',
    ]),
  ).toEqual([
    { title: 'Processor', keys: ['system/cpu.percent'] },
    { title: 'Graphics', keys: ['system/gpu.0.power'] },
    { title: 'Disk', keys: ['system/disk.read'] },
    { title: 'More', keys: ['system/new'] },
  ]);
});

it('knows what the machine is measured in', () => {
  const unit = (name: string) => systemUnit(`system/${name}`);
  expect(['cpu.percent', 'memory.used', 'disk.read', 'process.files'].map(unit)).toEqual([
    '%',
    'bytes',
    'bytes/s',
    '',
  ]);
  expect(['gpu.0.memory', 'gpu.0.memory.percent', 'gpu.1.power'].map(unit)).toEqual([
    'bytes',
    '%',
    'W',
  ]);
});
