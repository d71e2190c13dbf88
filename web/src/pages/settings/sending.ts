/** What a client needs to know to send runs to this server. */
import type { ServerInfo } from '../../api/types';

export interface Client {
  id: string;
  name: string;
  lines: string;
}

const CLIENTS: [id: string, name: string, url: string, token: string][] = [
  ['notabene', 'notabene', 'NOTABENE_URL', 'NOTABENE_TOKEN'],
  ['mlflow', 'MLflow', 'MLFLOW_TRACKING_URI', 'MLFLOW_TRACKING_TOKEN'],
  ['wandb', 'Weights & Biases', 'WANDB_BASE_URL', 'WANDB_API_KEY'],
];

const quoted = (text: string) => `"${text.replace(/["$`\\]/g, '\\$&')}"`;

/** How a shell finds the token, where it is not to stand on the screen. */
export function hiddenToken(at: string): string {
  return at.startsWith('/') ? `"$(cat ${quoted(at)})"` : `"$${at || 'NOTABENE_TOKEN'}"`;
}

/** Lines for a shell, for those clients whose data this server takes. */
export function clientsOf(
  info: Pick<ServerInfo, 'doors' | 'token_at'>,
  url: string,
  token = '',
): Client[] {
  const secret = token ? quoted(token) : hiddenToken(info.token_at);
  return CLIENTS.filter(([id]) => info.doors.includes(id)).map(([id, name, at, key]) => ({
    id,
    name,
    lines: `export ${at}=${quoted(url)}\nexport ${key}=${secret}`,
  }));
}
