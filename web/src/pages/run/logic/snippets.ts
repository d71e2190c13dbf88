/** A tab of the run page as Python, as a command, and as an address of JSON. */
import type { Tab } from '../schema';

export interface Snippet {
  python: string;
  cli: string;
  /** Path below the API. */
  path: string;
  query: Record<string, string>;
}

type Part = [python: string, command: string, path: string, query?: Record<string, string>];

/** What is done with `run`, the verb of the command line, and where the JSON is. */
const PARTS: Record<Tab, (key: string) => Part> = {
  overview: () => ['run.params, run.metrics, run.conclusion', 'show', ''],
  record: () => [
    'check = notabene.Api().check_run(run.id)\nfor finding in check.findings:\n    print(finding.what, finding.where, finding.fix)',
    'check',
    '/check',
  ],
  charts: (key) => [
    `history = run.history(${JSON.stringify(key)})\nhistory.steps, history.values`,
    'plot',
    '/history',
    { key },
  ],
  system: () => [
    'run.history("system/cpu.percent", x="time")',
    'plot',
    '/history',
    { key: 'system/cpu.percent' },
  ],
  media: () => [
    'for value in run.values():\n    print(value.key, value.step, value.kind)',
    'show',
    '/values',
  ],
  console: () => ['for line in run.console(tail=20):\n    print(line.plain)', 'tail', '/console'],
  code: () => ['run.captured()["code"]', 'show --record', '/captured'],
  environment: () => ['run.captured()["environment"]["packages"]', 'show --record', '/captured'],
  artifacts: () => ['run.artifacts', 'show', ''],
  lineage: () => [
    'for file in notabene.Api().record(run).data.written:\n    print(file.path, notabene.Api().origins(file.digest))',
    'show --record',
    '',
  ],
};

/** `key`: the metric in question. */
export function snippetOf(tab: Tab, id: string, key: string): Snippet {
  const [python, command, path, query = {}] = PARTS[tab](key);
  const [verb, ...options] = command.split(' ');
  return {
    python: `import notabene\n\nrun = notabene.Api().run("${id}")\n${python}`,
    cli: ['notabene', verb, id, ...options].join(' '),
    path: tab === 'lineage' ? '/lineage/content' : `/runs/${id}${path}`,
    query: tab === 'lineage' ? { run: id } : query,
  };
}
