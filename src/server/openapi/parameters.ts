import type { Operation } from '../../files/parameters/define.js';
import { type ParameterName, parameterOf, parametersOf } from '../../files/parameters.js';
import { type AnswerType, FORMATS } from '../http/denoise-answer.js';
import type { Schema } from './schema.js';

/** Parameters of an operation in its query, as the table of parameters has them. */
export function queryParameters(operation: Operation): readonly (Schema & { readonly name: string })[] {
  return parametersOf(operation).map(queryParameter);
}

function queryParameter(name: ParameterName) {
  const { schema, description, examples } = parameterOf(name);
  const { type } = schema as Schema;
  const isList = type === 'array' || name === 'aovs';
  return {
    ...{ name, in: 'query', description, schema },
    // Lists are one value with commas between.
    ...(isList && { style: 'form', explode: false }),
    ...(examples && { examples: Object.fromEntries(examples.map((value) => [value, { value }])) }),
  };
}

/** The answer by name; a parameter of the query alone. */
export function formatOf(types: readonly AnswerType[]): Schema {
  const formats = Object.entries(FORMATS).flatMap(([name, type]) => (types.includes(type) ? [name] : []));
  return {
    ...{ name: 'format', in: 'query' },
    description: 'What the answer is, whatever Accept says; in the query alone.',
    schema: { enum: formats },
  };
}

/** Headers of requests that wait for their turn. */
export const TERMS: readonly Schema[] = [
  {
    name: 'priority',
    in: 'header',
    description: 'RFC 9218: `u=0` is served first, `u=7` last; 3 by default, 5 for jobs.',
    schema: { type: 'string', examples: ['u=1'] },
  },
  {
    name: 'prefer',
    in: 'header',
    description:
      'RFC 7240: with `wait=SECONDS` the work is given up, or not begun, when it would take longer.',
    schema: { type: 'string', examples: ['wait=30'] },
  },
];
