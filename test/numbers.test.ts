import { expect, it } from 'vitest';
import { parseDecimal } from '../src/numbers.js';

it.each([
  ['0', 0],
  ['007', 7],
  ['-3', -3],
  ['2.50', 2.5],
  ['2.', 2],
  ['.5', 0.5],
  ['1e3', 1000],
  ['2.5E-1', 0.25],
  ['1e+2', 100],
])('reads %s', (text, value) => {
  expect(parseDecimal(text)).toBe(value);
});

it.each([
  ...[
    '',
    ' ',
    ' 1',
    '1 ',
    '+1',
    '0x10',
    '0b1',
    '0o7',
    '1_000',
    '1,5',
    '1e',
    'e1',
    '.',
    '-',
    '1e1.5',
    '1e999',
  ],
  ...['NaN', 'Infinity', 'null', '1f', '1\n', '\u0661'],
])('does not read %j', (text) => {
  expect(parseDecimal(text)).toBeNaN();
});
