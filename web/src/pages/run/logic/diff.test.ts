import { describe, expect, it } from 'vitest';

import { differing, parseDiff } from './diff';

const PATCH = `diff --git a/train.py b/train.py
index 1..2 100644
--- a/train.py
+++ b/train.py
@@ -1,4 +1,5 @@ def main():
 import os
-lr = 0.1
+lr = 0.01
+seed = 3
 --- not a header
 x = 1
\\ No newline at end of file
diff --git a/new file.txt b/new file.txt
new file mode 100644
--- /dev/null
+++ b/new file.txt
@@ -0,0 +1 @@
+<script>alert(1)</script>
diff --git "a/\\303\\244.bin" "b/\\303\\244.bin"
index 1..2
GIT binary patch
literal 3
Kc$}
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-a
--- b
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
`;

describe('parseDiff', () => {
  const { files, rows } = parseDiff(PATCH);

  it('names files and counts their lines', () => {
    expect(files.map((f) => [f.path, f.state, f.added, f.removed])).toEqual([
      ['train.py', 'changed', 2, 1],
      ['new file.txt', 'added', 1, 0],
      ['ä.bin', 'binary', 0, 0],
      ['gone.py', 'deleted', 0, 2],
      ['run.sh', 'mode', 0, 0],
    ]);
    for (const file of files)
      expect(rows[file.at]).toMatchObject({ kind: 'file', text: file.path });
  });

  it('numbers lines on both sides', () => {
    const lines = rows.filter((row) => row.file === 0 && 'before' in row);
    expect(lines.map((row) => 'before' in row && [row.kind, row.before, row.after])).toEqual([
      ['same', 1, 1],
      ['del', 2, 2],
      ['add', 3, 2],
      ['add', 3, 3],
      ['same', 3, 4],
      ['same', 4, 5],
    ]);
  });

  it('does not take a removed "-- b" for a header', () => {
    expect(rows.filter((r) => r.file === 3 && r.kind === 'del').map((r) => r.text)).toEqual([
      'a',
      '-- b',
    ]);
  });

  it('keeps markup as text', () => {
    expect(rows.find((row) => row.kind === 'add' && row.file === 1)?.text).toBe(
      '<script>alert(1)</script>',
    );
  });

  it('reads an empty patch', () => {
    expect(parseDiff('')).toEqual({ files: [], rows: [] });
  });
});

describe('differing', () => {
  it('finds the middle', () => {
    expect(differing('lr = 0.1,', 'lr = 0.01,')).toEqual([
      [7, 7],
      [7, 8],
    ]);
    expect(differing('abc', 'xyz')).toBeNull();
  });

  it('marks pairs of lines', () => {
    const { rows } = parseDiff('diff --git a/x b/x\n@@ -1 +1 @@\n-lr = 1\n+lr = 2\n');
    expect(rows.slice(2)).toMatchObject([{ changed: [5, 6] }, { changed: [5, 6] }]);
  });
});
