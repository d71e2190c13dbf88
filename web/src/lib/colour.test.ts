import { describe, expect, it } from 'vitest';
import { DARK, DASHES, fade, groupSlots, LIGHT, look } from './colour';

function luminance(colour: string): number {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = parts.map((x) =>
    x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

describe('colour', () => {
  it('gives 32 slots 32 looks, in light and dark', () => {
    for (const dark of [false, true]) {
      const looks = [...Array(32).keys()].map((slot) => JSON.stringify(look(slot, dark)));
      expect(new Set(looks).size).toBe(32);
    }
  });

  it('takes the colour from slot mod 8 and the dash from slot div 8', () => {
    expect(look(9, false)).toEqual({ colour: LIGHT[1], dash: DASHES[1] });
    expect(look(41, false)).toEqual(look(9, false));
    expect(look(-1, true)).toEqual(look(31, true));
  });

  it('can be seen: 3 to 1 on white, 4.5 to 1 on the dark ground', () => {
    for (const colour of LIGHT) expect(contrast(colour, '#ffffff')).toBeGreaterThanOrEqual(3);
    for (const colour of DARK) expect(contrast(colour, '#12151a')).toBeGreaterThanOrEqual(4.5);
  });

  it('gives groups looks that differ and stay with their names', () => {
    const names = ['vit', 'resnet', 'mlp', 'a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const slots = groupSlots(names);
    expect(new Set(slots.values()).size).toBe(names.length);
    expect(groupSlots([...names].reverse())).toEqual(slots);
  });

  it('fades', () => {
    expect(fade('#112233', 0.5)).toBe('#11223380');
  });
});
