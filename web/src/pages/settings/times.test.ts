import { describe, expect, it } from 'vitest';

import { clockText, dayOf, fullTime, timeText } from './times';

const AT = Date.UTC(2026, 10, 28, 22, 57, 9) * 1000;

describe('times', () => {
  it('writes UTC whatever the local zone is', () => {
    expect(fullTime(AT, 'utc')).toBe('2026-11-28 22:57:09 UTC');
    expect(clockText(AT, 'utc')).toBe('22:57');
    expect(dayOf(AT, 'utc')).toBe('2026-11-28');
  });

  it('is relative or in full', () => {
    const now = AT / 1000 + 90_000;
    expect(timeText(AT, 'relative', 'utc', now)).toBe('1 min ago');
    expect(timeText(AT, 'relative', 'utc', now + 3 * 3600_000)).toBe('Sat 22:57');
    expect(timeText(AT, 'absolute', 'utc', now)).toBe('2026-11-28 22:57');
  });

  it('says nothing of what is not known', () => {
    expect(timeText(0, 'relative', 'local')).toBe('');
    expect(fullTime(0, 'utc')).toBe('');
  });
});
