/** The same search as Python, command line and JSON. */
import { apiUrl } from '../../api/client';

const py = (text: string) => JSON.stringify(text);
const shell = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;

export interface Search {
  project: string;
  where: string;
  order: string;
  fields: readonly string[];
}

export function snippets({ project, where, order, fields }: Search) {
  const asked = where ? `${py(where)}, ` : '';
  const python = [
    'import notabene',
    '',
    `runs = notabene.Api().runs(${asked}project=${py(project)}, order_by=${py(order)})`,
    'runs.to_pandas()',
  ].join('\n');
  const cli = [
    `notabene ls -p ${shell(project)}`,
    where && `-w ${shell(where)}`,
    order !== '-created' && `-s ${shell(order)}`,
  ];
  const query = { project, where, order, fields: fields.join(',') };
  return { python, cli: cli.filter(Boolean).join(' '), json: apiUrl('/runs/table', query) };
}
