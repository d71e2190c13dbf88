import { beforeEach, expect, it, vi } from 'vitest';
import { keyNames, Shortcuts } from './shortcuts';

beforeEach(() => {
  vi.stubGlobal('document', { querySelector: () => null });
});

function press(keys: Shortcuts, key: string, more: Partial<KeyboardEvent> = {}, now = 0) {
  const event = { key, preventDefault: vi.fn(), target: null, ...more } as unknown as KeyboardEvent;
  return keys.press(event, now);
}
const one = (keys: string, run: () => void, typing = false) => ({
  keys,
  does: keys,
  area: 'A',
  run,
  typing,
});

it('runs single keys, keys with Ctrl, and two in a row', () => {
  const keys = new Shortcuts();
  const [a, b, c] = [vi.fn(), vi.fn(), vi.fn()];
  keys.add([one('x', a), one('Mod+k', b), one('g r', c)]);
  expect(press(keys, 'x')).toBe(true);
  expect(press(keys, 'k', { ctrlKey: true })).toBe(true);
  press(keys, 'g', {}, 100);
  expect(press(keys, 'r', {}, 600)).toBe(true);
  expect([a, b, c].map((f) => f.mock.calls.length)).toEqual([1, 1, 1]);
});

it('forgets the first of two keys after a second', () => {
  const keys = new Shortcuts();
  const run = vi.fn();
  keys.add([one('g r', run)]);
  press(keys, 'g', {}, 0);
  press(keys, 'r', {}, 1500);
  expect(run).not.toHaveBeenCalled();
});

it('leaves keys to fields, but for those that say so', () => {
  const keys = new Shortcuts();
  const [plain, always] = [vi.fn(), vi.fn()];
  keys.add([one('x', plain), one('Mod+k', always, true)]);
  const target = { closest: () => ({}) } as unknown as EventTarget;
  expect(press(keys, 'x', { target })).toBe(false);
  expect(press(keys, 'k', { target, ctrlKey: true })).toBe(true);
});

it('lets the later registration win, and can be taken off', () => {
  const keys = new Shortcuts();
  const [first, second] = [vi.fn(), vi.fn()];
  keys.add([one('c', first)]);
  const off = keys.add([one('c', second)]);
  press(keys, 'c');
  off();
  press(keys, 'c');
  expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  expect([...keys.all.keys()]).toEqual(['A']);
});

it('names keys for people', () => {
  expect(keyNames('Mod+k')).toEqual(['Ctrl', 'k']);
  expect(keyNames('g r')).toEqual(['g', 'r']);
});
