import { describe, expect, it } from 'vitest';
import { matchPath, paths } from './paths';

describe('paths', () => {
  it('finds projects with slashes, spaces and emoji in their names', () => {
    const path = paths.project('text / small ✓', 'charts', '?v=1');
    expect(path).toBe('/p/text%20%2F%20small%20%E2%9C%93/charts?v=1');
    const [address = ''] = path.split('?');
    expect(matchPath('/p/:project/charts', address)).toEqual({ project: 'text / small ✓' });
  });

  it('does not match other pages, longer paths or empty names', () => {
    expect(matchPath('/p/:project/runs', '/p/a/charts')).toBeNull();
    expect(matchPath('/p/:project/runs', '/p/a/runs/b')).toBeNull();
    expect(matchPath('/p/:project/runs', '/p//runs')).toBeNull();
  });

  it('matches the home page and ignores a slash at the end', () => {
    expect(matchPath('/', '/')).toEqual({});
    expect(matchPath('/settings', '/settings/')).toEqual({});
  });

  it('reads an address with a broken percent sign as it is', () => {
    expect(matchPath('/r/:run', '/r/%zz')).toEqual({ run: '%zz' });
  });
});
