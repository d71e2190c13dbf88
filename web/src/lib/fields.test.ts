import { describe, expect, it } from 'vitest';
import { fieldLabel, fieldOf, parseField } from './fields';

describe('fields', () => {
  it('quotes keys where the grammar asks for it', () => {
    expect(fieldOf('param', 'model.depth')).toBe('params.model.depth');
    expect(fieldOf('param', 'a b')).toBe('params."a b"');
    expect(fieldOf('tag', 'say "hi"')).toBe('tags."say ""hi"""');
    expect(fieldOf('metric', 'val/acc', 'max')).toBe('metrics.val/acc.max');
    expect(fieldOf('metric', 'loss.max', 'last')).toBe('metrics."loss.max"');
  });

  it.each([
    ['metric', 'val/acc', 'best'],
    ['metric', 'loss.max', 'last'],
    ['metric', 'a "b" c', 'min'],
    ['param', 'model.depth', undefined],
    ['tag', 'x y', undefined],
    ['fact', 'user.name', undefined],
  ] as const)('reads back %s %s %s', (kind, key, statistic) => {
    const parsed = parseField(fieldOf(kind, key, statistic));
    expect(parsed).toEqual(statistic ? { kind, key, statistic } : { kind, key });
  });

  it('knows attributes and facts by their names', () => {
    expect(parseField('status')).toEqual({ kind: 'attribute', key: 'status' });
    expect(parseField('git.commit').kind).toBe('fact');
  });

  it('labels a column with its key and statistic', () => {
    expect(fieldLabel('metrics."val/acc".max')).toBe('val/acc max');
    expect(fieldLabel('metrics.loss')).toBe('loss');
    expect(fieldLabel('params.lr')).toBe('lr');
  });
});
