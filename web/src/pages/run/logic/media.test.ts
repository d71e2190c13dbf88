import { describe, expect, it } from 'vitest';

import type { LoggedKey, LoggedValue } from '../../../api/types';
import { allSteps, blobOf, blobQuery, boxesOf, filterKeys, lastUpTo, valuesAt } from './media';

const value = (step: number, rank = 0): LoggedValue => ({
  run: 'r',
  key: 'k',
  step,
  time: step,
  rank,
  kind: 'image',
  value: {},
});
const key = (name: string, kind: string): LoggedKey => ({
  key: name,
  kind,
  count: 1,
  first_step: 0,
  last_step: 0,
});

describe('steps', () => {
  it('are the union, rising', () => {
    expect(allSteps([[5, 1], [1, 9], []])).toEqual([1, 5, 9]);
  });

  it('finds the last up to one', () => {
    expect([-1, 0, 1, 4, 5, 99].map((step) => lastUpTo([0, 5, 9], step))).toEqual([
      -1, 0, 0, 0, 1, 2,
    ]);
  });

  it('shows what was newest at a step, of all ranks', () => {
    const values = [value(0), value(10), value(10, 1), value(20)];
    expect(valuesAt(values, 15).map((v) => [v.step, v.rank])).toEqual([
      [10, 0],
      [10, 1],
    ]);
    expect(valuesAt(values, null)[0]?.step).toBe(20);
    expect(valuesAt(values, -1)).toEqual([]);
    expect(valuesAt([], 3)).toEqual([]);
  });
});

describe('filterKeys', () => {
  it('sorts by kind and searches', () => {
    const keys = [key('z', 'text'), key('a/b', 'image'), key('new', 'hologram'), key('c', 'image')];
    expect(filterKeys(keys, '', '').map((k) => k.key)).toEqual(['a/b', 'c', 'z', 'new']);
    expect(filterKeys(keys, 'image', 'B').map((k) => k.key)).toEqual(['a/b']);
  });
});

describe('blobs', () => {
  it('are asked for by digest, or as a part of a pack', () => {
    const pack = { digest: 'p', size: 100, mime: 'x' };
    expect(blobQuery({ digest: 'd', size: 3, mime: 'image/png' }, pack)).toEqual({
      path: '/blobs/d',
      query: { type: 'image/png' },
    });
    const inside = blobOf({ size: 3, mime: 'image/png', at: 7 });
    expect(inside && blobQuery(inside, pack, 'x.png')).toEqual({
      path: '/blobs/p',
      query: { type: 'image/png', name: 'x.png', at: 7, size: 3 },
    });
    expect(blobOf('x')).toBeNull();
  });
});

describe('boxesOf', () => {
  it('reads corners, sizes, middles and lists', () => {
    const { boxes, odd } = boxesOf(
      [
        [10, 20, 30, 40],
        { x: 0.1, y: 0.2, width: 0.3, height: 0.4, label: 'cat', score: 0.912 },
        { bbox: [0, 0, 50, 100], class: 'dog' },
        'odd',
      ],
      100,
      200,
    );
    expect(odd).toBe(1);
    expect(boxes[0]).toMatchObject({ x: 0.1, y: 0.1, width: 0.2, height: 0.1 });
    expect(boxes[1]).toMatchObject({ x: 0.1, label: 'cat 0.91', group: 'cat' });
    expect(boxes[2]).toMatchObject({ width: 0.5, height: 0.5, label: 'dog' });
  });

  it('reads named groups with class labels', () => {
    const { boxes } = boxesOf(
      {
        predictions: {
          box_data: [
            {
              position: { minX: 0.1, maxX: 0.3, minY: 0.1, maxY: 0.2 },
              class_id: 1,
              scores: { p: 0.5 },
            },
            { position: { middle: [50, 50], width: 20, height: 10 }, domain: 'pixel', class_id: 2 },
          ],
          class_labels: { 1: 'person' },
        },
      },
      100,
      100,
    );
    expect(boxes[0]).toMatchObject({ label: 'person 0.50', group: 'person' });
    expect(boxes[1]).toMatchObject({ x: 0.4, y: 0.45, width: 0.2, label: '2' });
  });
});
