import { describe, expect, it } from 'vitest';
import { PLAIN, quantityOf, quantitySteps, quantityText, quantityTicks } from './quantity';

const text = (value: number, unit: string, key = '') => quantityText(value, quantityOf(unit, key));

describe('quantities', () => {
  it('are known by their unit, or by the key of a system metric', () => {
    expect(quantityOf('MiB')).toMatchObject({ kind: 'bytes', factor: 1024 ** 2, per: '' });
    expect(quantityOf('bytes/s')).toMatchObject({ kind: 'bytes', factor: 1, per: '/s' });
    expect(quantityOf('', 'system/memory.used').kind).toBe('bytes');
    expect(quantityOf('', 'system/gpu.0.memory').kind).toBe('bytes');
    expect(quantityOf('', 'memory.used')).toBe(PLAIN);
    expect(quantityOf('ms')).toMatchObject({ kind: 'duration', factor: 1e-3 });
    for (const unit of ['img/s', 'Mb', 'steps/min', 'W', '']) expect(quantityOf(unit)).toBe(PLAIN);
  });

  it('read as bytes by 1024, percentages, durations', () => {
    expect(text(2.1e9, 'B')).toBe('1.956 GB');
    expect(text(1023, 'bytes')).toBe('1023 B');
    expect(text(1024 ** 2 - 1, 'bytes')).toBe('1 MB');
    expect(text(1.5, 'GB')).toBe('1.5 GB');
    expect(text(-3 * 1024, 'bytes/s')).toBe('−3 KB/s');
    expect(text(42.123456, '%')).toBe('42.12 %');
    expect(text(8100, 's')).toBe('2h 15m');
    expect(text(250, 'ms')).toBe('250 ms');
    expect(text(0.00002, 's')).toBe('20 µs');
    expect(text(NaN, 'B')).toBe('NaN');
  });

  it('have no power of ten in a large plain number', () => {
    expect(quantityText(2.1e9, PLAIN)).toBe('2.1G');
    expect(quantityText(123_456_789, PLAIN)).toBe('123.5M');
    expect(quantityText(0.25, PLAIN)).toBe('0.25');
    expect(quantityTicks([1e9, 1.0005e9], PLAIN)).toEqual(['1.0000G', '1.0005G']);
  });

  it('stand along an axis in one unit', () => {
    const bytes = quantityOf('bytes');
    const gb = 1024 ** 3;
    expect(quantityTicks([0, gb / 2, gb, gb * 1.5], bytes)).toEqual([
      '0',
      '0.5 GB',
      '1.0 GB',
      '1.5 GB',
    ]);
    expect(quantityTicks([1024, null, gb], bytes, false)).toEqual(['1 KB', '', '1 GB']);
    expect(quantityTicks([0, 50, 100], quantityOf('%'))).toEqual(['0 %', '50 %', '100 %']);
    expect(quantityTicks([0, 900, 3600], quantityOf('s'))).toEqual(['0 s', '15m', '1h']);
    expect(quantitySteps(quantityOf('GB'))).toContain(0.5);
    expect(quantitySteps(PLAIN)).toBeUndefined();
  });
});
