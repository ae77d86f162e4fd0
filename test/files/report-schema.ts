import { Errors } from 'typebox/value';
import { expect } from 'vitest';
import { REPORT } from '../../src/files/report.js';

/** The schema of reports, in which no object may have other fields than those that it names. */
const STRICT = strict(REPORT) as typeof REPORT;

/** Expects that a report has the fields of the schema, their types, and no others. */
export function expectReport(report: unknown): void {
  const found = Errors(STRICT, report).map(({ instancePath, message }) => `${instancePath} ${message}`);
  expect(found).toEqual([]);
}

function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const fields = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, strict(value)]));
  return 'properties' in fields ? { ...fields, additionalProperties: false } : fields;
}
