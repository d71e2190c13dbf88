import { expect, test } from 'vitest';
import type { CheckFinding, RunRecord } from '../../../api/types';
import {
  classWords, commandsOf, gapsOf, proofSentence, proofState, readProof, recordState, randomnessOf, inputsOf,
} from './record'; // prettier-ignore

const finding = (severity: CheckFinding['severity']): CheckFinding => ({
  class: 'env-read', what: 'x', where: '', fix: '', severity, recorded: false, run: '',
}); // prettier-ignore

test('the state is a word, an icon and a look', () => {
  expect(recordState('complete', 0).word).toBe('record complete');
  expect(recordState('gaps', 1).word).toBe('1 gap in the record');
  expect(recordState('gaps', undefined).word).toBe('gaps in the record');
  expect(recordState('', undefined).word).toBe('no record');
  expect(proofState('').word).toBe('untested');
  expect(proofState('steps', 10).word).toBe('proven for 10 steps');
  expect(proofState('differs').look).toBe('error');
});

test('notes are no gaps', () => {
  expect(gapsOf([finding('gap'), finding('risk'), finding('note')])).toBe(2);
  expect(classWords('unseeded-randomness')).toBe('unseeded randomness');
});

test('what a rerun showed, in a sentence', () => {
  expect(proofSentence(readProof(undefined))).toMatch(/Nobody/);
  const same = readProof({ proof: 'proven', verdict: 'bit-exact', compared: 240, run: 'r' });
  expect(proofSentence(same)).toBe('240 values compared, the same bits.');
  const steps = readProof({ proof: 'steps', verdict: 'bit-exact', compared: 20, steps: 10 });
  expect(proofSentence(steps)).toBe('20 values compared of the first 10 steps, the same bits.');
  const other = readProof({
    proof: 'differs', compared: 3,
    first_difference: { metric: 'loss', step: 2, recorded: 0.5, now: 'NaN' },
  }); // prettier-ignore
  expect(proofSentence(other)).toContain('first different at loss, step 2: 0.5 recorded, NaN');
});

const record = {
  parameters: { options: [{ name: 'seed', value: 1 }, { name: 'lr', value: 'a b' }] },
  randomness: {
    seeds: [{ generator: 'numpy', value: 3, where: 'a.py:1', process: '' }],
    generators: [{ name: 'random', state: 'x', used: true, process: 'mp:1' }],
    draws: [{ by: 'os', bits: 64, value: '', where: '', process: '' }],
    clock: [], hash: '0',
  },
  data: { read: [{ path: 'd.csv', size: 1, digest: '', kept: false, note: '', link: { kind: 'dvc' }, where: '' }] },
} as unknown as RunRecord; // prettier-ignore

test('commands name an option that was seen, quoted for the shell', () => {
  expect(commandsOf('r1', record)[2]?.text).toBe("notabene rerun r1 --set 'lr=a b'");
  expect(commandsOf('r1', undefined)[2]?.text).toBe('notabene rerun r1 --set name=value');
});

test('what was seen, in words', () => {
  expect(randomnessOf(record).map((one) => one.value)).toEqual([
    'seeded with 3',
    'start state kept, drawn from unseeded',
    '64 bits of entropy, never kept',
    'PYTHONHASHSEED 0',
  ]);
  expect(randomnessOf(record)[1]?.name).toBe('random in mp:1');
  expect(inputsOf(record)[0]?.state).toBe('in dvc');
});
