/** The comparison as Python and as a command. */
import { shellWord } from '../home/teach';

export function compareSnippets(project: string, ids: readonly string[], reference: string) {
  const list = ids.map((id) => `"${id}"`).join(', ');
  return {
    python: [
      'from notabene import Api',
      '',
      'with Api() as api:',
      `    runs = [api.run(id) for id in [${list}]]`,
      `    reference = api.run("${reference}")`,
      '    for run in runs:',
      '        changed = {k: v for k, v in run.params.items()',
      '                   if reference.params.get(k) != v}',
      '        print(run.name, run.summary, changed)',
    ].join('\n'),
    cli: `notabene ls -p ${shellWord(project)} "id in (${ids.map((id) => `'${id}'`).join(', ')})" --json`,
  };
}
