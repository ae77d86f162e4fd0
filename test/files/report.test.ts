import { expect, it } from 'vitest';
import { expectReport } from './report-schema.js';

it('has the fields of a report, and no others', () => {
  expect(() => expectReport({ surprise: 1 })).toThrow();
});
