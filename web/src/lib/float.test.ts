import { expect, it } from 'vitest';
import { place } from './float';

const view = { width: 1000, height: 800 };
const anchor = (left: number, top: number) => ({ left, top, right: left + 80, bottom: top + 28 });

it('opens below, inside the window', () => {
  expect(place(anchor(100, 100), { width: 200, height: 300 }, view)).toMatchObject({
    left: 100,
    top: 132,
  });
  expect(place(anchor(950, 100), { width: 200, height: 300 }, view).left).toBe(792);
  expect(place(anchor(500, 100), { width: 200, height: 300 }, view, 'end').left).toBe(380);
});

it('opens above where there is more room, and is cut to the room', () => {
  expect(place(anchor(100, 700), { width: 200, height: 300 }, view).top).toBe(396);
  expect(place(anchor(100, 500), { width: 200, height: 900 }, view)).toMatchObject({
    top: 8,
    room: 488,
  });
});
