import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import { expect } from 'vitest';
import { FULL_REPORT, REPORT } from '../../src/files/report.js';

/** Expects that the report of a service has the fields of the schema, their types, and no others. */
export function expectReport(report: unknown): void {
  expectOf(REPORT, report);
}

/** As {@link expectReport}, of the report of a file, which does not say what the window was. */
export function expectFullReport(report: unknown): void {
  expectOf(FULL_REPORT, report);
}

function expectOf(schema: TSchema, report: unknown): void {
  const found = Errors(strict(schema) as TSchema, report);
  expect(found.map(({ instancePath, message }) => `${instancePath} ${message}`)).toEqual([]);
}

function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const fields = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, strict(value)]));
  return 'properties' in fields ? { ...fields, additionalProperties: false } : fields;
}
