/** Runs that read the same and made nothing are drawn as one box until it is opened. No DOM. */
import { endOf, type Edge, type Node } from '../run/logic/lineage';

const FEW = 4;
const MARK = 'fold ';

export const isFold = (id: string) => id.startsWith(MARK);

export function foldRuns(
  nodes: readonly Node[],
  edges: readonly Edge[],
  unfolded: ReadonlySet<string>,
  /** Never folded: what it is about. */
  keep = '',
): { nodes: Node[]; edges: Edge[] } {
  const made = new Set(edges.filter((one) => one.direction === 'output').map((one) => one.run));
  const read = new Map<string, Set<string>>();
  for (const edge of edges) {
    const { run, direction } = edge;
    if (direction === 'input' && !made.has(run) && run !== keep) {
      read.set(run, (read.get(run) ?? new Set()).add(endOf(edge)));
    }
  }
  const alike = new Map<string, string[]>();
  for (const [run, inputs] of read) {
    const key = MARK + [...inputs].sort().join('\n');
    alike.set(key, [...(alike.get(key) ?? []), run]);
  }
  const place = new Map<string, string>();
  const folds: Node[] = [];
  for (const [id, runs] of alike) {
    if (runs.length < FEW || unfolded.has(id)) continue;
    for (const run of runs) place.set(run, id);
    folds.push({ kind: 'run', id, name: `${runs.length} runs`, type: 'that made no artifact' });
  }
  return {
    nodes: [...nodes.filter((node) => !place.has(node.id)), ...folds],
    edges: edges.map((edge) => ({ ...edge, run: place.get(edge.run) ?? edge.run })),
  };
}
