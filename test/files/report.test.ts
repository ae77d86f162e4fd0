import { expect, it } from 'vitest';
import type { FullReport } from '../../src/files/denoise-file/types.js';
import type { Report } from '../../src/files/report.js';
import { expectReport } from './report-schema.js';

/** Compiles only while the schema has the fields of what denoising returns, with their types. */
const asSchema = (report: FullReport & Pick<Report, 'frames' | 'center'>): Report => report;
const fields: Readonly<Record<Exclude<keyof Report, keyof FullReport | 'frames' | 'center'>, never>> = {};

it('has the fields of a report, and no others', () => {
  expect([asSchema, fields]).toHaveLength(2);
  expect(() => expectReport({ surprise: 1 })).toThrow();
});
