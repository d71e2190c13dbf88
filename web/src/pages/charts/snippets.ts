/** The same charts as Python, command line and JSON. */
import { apiUrl } from '../../api/client';
import type { FieldInfo } from '../../api/types';
import { matcher } from './sections';
import type { ChartSettings, RunRef } from './settings';

const SHOWN = 10;

export function chartSnippets(
  runs: readonly RunRef[],
  infos: readonly FieldInfo[],
  settings: Pick<ChartSettings, 'x' | 'match'>,
) {
  const fits = matcher(settings.match);
  const keys = infos.filter((one) => one.kind === 'metric' && fits(one.key)).map((one) => one.key);
  const key = keys.find((one) => one.includes('/')) ?? keys[0] ?? 'loss';
  const ids = runs.map((run) => run.id);
  const few = ids.slice(0, SHOWN);
  const x = settings.x === 'step' ? '' : `, x=${JSON.stringify(settings.x)}`;
  const python = [
    'import notabene',
    '',
    'api = notabene.Api()',
    `for run in ${JSON.stringify(few)}:`,
    `    history = api.history(run, ${JSON.stringify(key)}${x})`,
    '    history.to_pandas()',
  ].join('\n');
  const axis = settings.x === 'step' ? '' : ` -x ${quoted(settings.x)}`;
  const cli = `notabene plot ${few.join(' ')} -m ${quoted(key)}${axis}`;
  const json = apiUrl(`/runs/${few[0] ?? ''}/history`, { key, x: settings.x });
  return { python, cli, json };
}

const quoted = (text: string) =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
