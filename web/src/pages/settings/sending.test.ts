import { expect, it } from 'vitest';
import { clientsOf, hiddenToken } from './sending';

const info = { doors: ['mlflow', 'wandb'], token_at: '/home/ana/.cache/notabene/server/token' };

it('each client whose data is taken has its lines, with the token only when it is shown', () => {
  const [mlflow, wandb, ...more] = clientsOf(info, 'http://box:7610');
  expect(more).toEqual([]);
  expect(mlflow?.lines).toBe(
    'export MLFLOW_TRACKING_URI="http://box:7610"\n' +
      'export MLFLOW_TRACKING_TOKEN="$(cat "/home/ana/.cache/notabene/server/token")"',
  );
  expect(wandb?.lines).toContain('WANDB_BASE_URL="http://box:7610"');
  expect(clientsOf(info, 'http://box:7610', 'nbt_x')[0]?.lines).toContain('TOKEN="nbt_x"');
  expect(clientsOf({ ...info, doors: [] }, 'http://box')).toEqual([]);
});

it('a token from the environment is named by its variable', () => {
  expect(hiddenToken('NOTABENE_TOKEN')).toBe('"$NOTABENE_TOKEN"');
});
