import { type Static, type TSchema, Type } from 'typebox';
import { invalidArgument } from '../../errors.js';
import { parseDecimal } from '../../numbers.js';

/** What takes parameters: `POST /v1/denoise`, the command for shots, `POST /v1/sample-map`, `POST /v1/jobs`. */
export const OPERATIONS = ['denoise', 'sequence', 'sample-map', 'job'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What answers with pictures of a frame, over HTTP and gRPC alike. */
export const COLOR: readonly Operation[] = ['denoise', 'job'];
/** And the command for shots, which denoises in the same way. */
export const COLOR_AND_SHOTS: readonly Operation[] = ['denoise', 'sequence', 'job'];
export const MAPS: readonly Operation[] = ['denoise', 'sample-map', 'job'];

/** How the command line spells a parameter. */
export interface CliSpelling {
  /** Placeholder of the value: `<factor>`. */
  readonly value: string;
  /** A phrase in lower case; choices and the default are added to it. */
  readonly help: string;
  /** The default as help shows it, where the schema has another one or none. */
  readonly usual?: string;
  /** Commands that have the option; those of the operations by default. */
  readonly commands?: readonly CliCommand[];
}
export type CliCommand = 'denoise' | 'sequence' | 'sample-map';

/** One parameter of a request, the same on all surfaces. */
export interface Parameter<Value> {
  /** What a client writes: type, range and default. A list is written with commas between. */
  readonly schema: TSchema;
  /** What it does, for OpenAPI, docs/api.md and the Python client. */
  readonly description: string;
  /** Values to show. */
  readonly examples?: readonly string[];
  /** Where docs/api.md says more. */
  readonly see?: string;
  readonly operations: readonly Operation[];
  /** Where the command line has it; its flag is `--` and the name. */
  readonly cli?: CliSpelling;
  /** Further names that are accepted. */
  readonly aliases?: readonly string[];
  /**
   * Reads the text of a query, a command line or a JSON value.
   * @param name what an error calls the parameter.
   * @throws QuietframeError `invalid-argument`.
   */
  readonly read: (text: string, name: string) => Value;
  /** The text that `read` reads. */
  readonly write: (value: Value) => string;
}

/** What a table says about a parameter besides its type. */
export type Traits = Omit<Parameter<never>, 'schema' | 'read' | 'write'>;

type Range = {
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly default?: number;
};

export function number(range: Range, traits: Traits): Parameter<number> {
  return { ...traits, schema: Type.Number(range), read: numberReader(range, 'number'), write: String };
}

export function integer(range: Range, traits: Traits): Parameter<number> {
  return {
    ...traits,
    schema: Type.Integer(range),
    read: numberReader(range, 'whole number'),
    write: String,
  };
}

/** A number, or `auto`. */
export function numberOrAuto(range: Range, traits: Traits): Parameter<number | 'auto'> {
  const read = numberReader(range, 'number', 'auto, or ');
  return {
    ...traits,
    schema: Type.Union([Type.Number(range), Type.Literal('auto')]),
    read: (text, name) => (text === 'auto' ? text : read(text, name)),
    write: String,
  };
}

/** One of a few words. */
export function choice<const Choice extends string>(
  choices: readonly Choice[],
  usual: NoInfer<Choice>,
  traits: Traits,
): Parameter<Choice> {
  return {
    ...traits,
    schema: Type.Enum([...choices], { default: usual }),
    read: (text, name) => oneOf(choices, text, name),
    write: String,
  };
}

/** Several of a few words. */
export function choices<const Choice extends string>(
  known: readonly Choice[],
  usual: readonly NoInfer<Choice>[],
  traits: Traits,
): Parameter<readonly Choice[]> {
  return {
    ...traits,
    schema: Type.Array(Type.Enum([...known]), { minItems: 1, uniqueItems: true, default: [...usual] }),
    read: (text, name) => [...new Set(text.split(',').map((word) => oneOf(known, word.trim(), name)))],
    write: (words) => words.join(','),
  };
}

/** A text, which `read` checks and turns into something else. */
export function text<Schema extends TSchema, Value = Static<Schema>>(
  schema: Schema,
  read: (text: string, name: string) => Value,
  write: (value: NoInfer<Value>) => string,
  traits: Traits,
): Parameter<Value> {
  return { ...traits, schema, read, write };
}

/**
 * The choice that a text is.
 * @throws QuietframeError `invalid-argument`.
 */
export function oneOf<Choice extends string>(choices: readonly Choice[], text: string, name: string): Choice {
  const found = choices.find((candidate) => candidate === text);
  if (found === undefined) throw invalidArgument(`one of ${choices.join(', ')}`, name, text);
  return found;
}

function numberReader(range: Range, kind: 'number' | 'whole number', alternative = '') {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = range;
  const holds = (value: number): boolean =>
    (kind === 'number' ? Number.isFinite(value) : Number.isInteger(value)) &&
    value >= (minimum ?? Number.NEGATIVE_INFINITY) &&
    value > (exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
    value <= (maximum ?? Number.POSITIVE_INFINITY) &&
    value < (exclusiveMaximum ?? Number.POSITIVE_INFINITY);
  return (text: string, name: string): number => {
    const value = parseDecimal(text);
    if (holds(value)) return value;
    throw invalidArgument(`${alternative}a ${kind} ${rangeText(range)}`, name, text);
  };
}

/** `in [1, 10]`, `in (0, 1)`, `above 0`, `of at least 0`. */
function rangeText({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Range): string {
  const [least, most] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum];
  if (most === undefined) return minimum === undefined ? `above ${least}` : `of at least ${least}`;
  return `in ${minimum === undefined ? '(' : '['}${least}, ${most}${maximum === undefined ? ')' : ']'}`;
}
