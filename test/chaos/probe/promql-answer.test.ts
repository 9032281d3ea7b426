import { expect, test } from 'vitest';
import { promqlAnswer } from '../../../src/chaos/probe/promql-answer.ts';

const success = (resultType: string, result: unknown) =>
  JSON.stringify({ status: 'success', data: { resultType, result } });
const sample = (text: unknown) => ({ metric: { job: 'orders' }, value: [1_435_781_451.781, text] });

test.each([
  ['a vector of one sample', success('vector', [sample('0.25')]), 0.25],
  ['a scalar', success('scalar', [1_435_781_451.781, '-3e2']), -300],
])('%s is a number', (_what, body, value) => {
  expect(promqlAnswer(body)).toEqual({ kind: 'value', value });
});

test.each([
  ['no sample', success('vector', []), 'yields 0 numbers'],
  ['two samples', success('vector', [sample('1'), sample('2')]), 'yields 2 numbers'],
  ['a sample that is not a number', success('vector', [sample('NaN')]), '`NaN`'],
  ['a sample without bound', success('vector', [sample('+Inf')]), '`+Inf`'],
  ['a sample that is empty', success('vector', [sample('')]), 'no number'],
  ['a sample that is no text', success('vector', [sample(1)]), 'no number'],
  ['a sample without value', success('vector', [{}]), 'no number'],
  ['a matrix', success('matrix', []), 'a matrix'],
  ['a string', success('string', [0, '1']), 'a string'],
  [
    'an error',
    JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'parse error at 1' }),
    'parse error at 1',
  ],
  ['something else in JSON', '[]', 'not one of Prometheus'],
  ['no JSON', '<html>', 'not one of Prometheus'],
])('%s is none, and the reason is told', (_what, body, why) => {
  expect(promqlAnswer(body)).toEqual({ kind: 'none', why: expect.stringContaining(why) });
});
