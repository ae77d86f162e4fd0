import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { Operation } from '../../src/files/parameters/define.js';
import {
  PARAMETER_NAMES,
  type ParameterName,
  parameterOf,
  parametersOf,
} from '../../src/files/parameters.js';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly const?: string;
  readonly default?: unknown;
}

const schemaOf = (name: ParameterName): Schema => parameterOf(name).schema as Schema;
const PAGE = '../../docs/api.md';

/** The table of docs/api.md. */
function table(): string {
  const rows = PARAMETER_NAMES.map((name) => {
    const { description, see, operations, cli } = parameterOf(name);
    const schema = schemaOf(name);
    const usual = schema.default === undefined ? '' : `, default \`${schema.default}\``;
    const more = see === undefined ? '' : ` See [${see.startsWith('#') ? 'below' : see}](${see}).`;
    const where = operations.filter((operation) => operation !== 'sequence').join(', ');
    const flag = cli === undefined ? '' : `\`--${name}\``;
    return `| \`${name}\` | ${valuesOf(schema)}${usual} | ${where} | ${flag} | ${description}${more} |`;
  });
  return ['| parameter | value | of | option | |', '|---|---|---|---|---|', ...rows].join('\n');
}

function valuesOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(valuesOf).join(' or ');
  if (schema.items !== undefined) return `list of ${valuesOf(schema.items)}`;
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  const [least, most] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum];
  const range = least === undefined ? '' : most === undefined ? ` above ${least}` : ` ${least} to ${most}`;
  return `${schema.type === 'string' ? 'text' : schema.type}${range}`;
}

/** The types of the Python client's arguments. */
function pythonArguments(): string {
  const dictionary = (name: string, doc: string, operation: Operation): string[] => [
    '',
    '',
    `class ${name}(TypedDict, total=False):`,
    `    """${doc}"""`,
    '',
    ...parametersOf(operation).map((parameter) => {
      const argument = parameter === 'lambda' ? 'lambda_' : parameter.replaceAll('-', '_');
      return `    ${argument}: ${pythonType(schemaOf(parameter))} | None`;
    }),
  ];
  return `${[
    '"""Types of the parameters of requests. `npm run build:docs` writes this file from the table of the service."""',
    '',
    'from __future__ import annotations',
    '',
    'from typing import Literal, TypedDict',
    ...dictionary(
      'DenoiseParameters',
      'Parameters of `denoise`; lists are texts with commas between.',
      'denoise',
    ),
    ...dictionary('SampleMapParameters', 'Parameters of `sample_map`.', 'sample-map'),
    ...dictionary('JobParameters', 'Parameters of `start_job` and `start_sequence`.', 'job').filter(
      (line) => !line.startsWith('    center:'),
    ),
  ].join('\n')}\n`;
}

function pythonType(schema: Schema): string {
  if (schema.const !== undefined) return `Literal["${schema.const}"]`;
  if (schema.enum !== undefined && schema.enum.length <= 6)
    return `Literal[${schema.enum.map((word) => `"${word}"`).join(', ')}]`;
  if (schema.anyOf?.every((each) => each.type === 'number' || each.const))
    return schema.anyOf.map(pythonType).join(' | ');
  return schema.type === 'number' ? 'float' : schema.type === 'integer' ? 'int' : 'str';
}

it('are the table of docs/api.md; `npm run build:docs` writes it', async () => {
  const page = await readFile(new URL(PAGE, import.meta.url), 'utf8');
  const block = /(<!-- parameters -->\n\n)[\s\S]*?(\n\n<!-- end of parameters -->)/;
  expect(page).toMatch(block);
  await expect(page.replace(block, (_, head, end) => `${head}${table()}${end}`)).toMatchFileSnapshot(PAGE);
});

it('are the arguments of the Python client; `npm run build:docs` writes them', async () => {
  await expect(pythonArguments()).toMatchFileSnapshot('../../clients/python/quietframe/parameters.py');
});
