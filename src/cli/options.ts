import { type Command, Option } from 'commander';
import { type Config, SETTINGS } from '../config.js';
import { expected, invalidArgument, QuietframeError } from '../errors.js';
import type { CliCommand } from '../files/parameters/define.js';
import { OUTPUTS_OF_FILES } from '../files/parameters/map-parameters.js';
import {
  PARAMETER_NAMES,
  PARAMETERS,
  type ParameterName,
  type ParameterRequest,
  parameterOf,
  requestOf,
} from '../files/parameters.js';
import type { Role } from '../frame/layers/render-source.js';
import { parseDecimal } from '../numbers.js';
import { readInput } from './read-input.js';

/** Adds the parameters of requests that a command has, as the table of parameters spells them. */
export function addParameters(command: Command, name: CliCommand): Command {
  for (const parameter of PARAMETER_NAMES) {
    const { cli, operations } = parameterOf(parameter);
    const commands: readonly string[] = cli?.commands ?? operations;
    if (cli !== undefined && commands.includes(name)) command.addOption(parameterOption(parameter));
  }
  return command;
}

/**
 * The option of a parameter.
 * @param help in place of the table's, for commands that do something else with the value.
 */
export function parameterOption(name: ParameterName, help?: string): Option {
  const { cli, schema, read } = parameterOf(name);
  const { enum: choices, default: usual } = schema as { enum?: readonly string[]; default?: unknown };
  const flag = `--${name}`;
  const option = new Option(`${flag} ${cli?.value}`, help ?? cli?.help);
  if (choices !== undefined) option.choices(choices);
  const shown = cli?.usual ?? (usual === undefined ? '' : String(usual));
  if (shown !== '') option.default(undefined, shown);
  return option.argParser(READERS[name] ?? ((text: string) => read(text, flag)));
}

/** What the command line reads in another way than a service. */
const READERS: Readonly<Partial<Record<ParameterName, (text: string, before: unknown) => unknown>>> = {
  lambda: readLambda,
  // May be given several times.
  layer: (text, before) => ({ ...(before as object | undefined), ...readLayer(text) }),
  outputs: readOutputs,
};

/** A slope for all pixels, or the path of a map. */
function readLambda(text: string): number | string {
  if (/\.exr$/i.test(text)) return text;
  const range = 'a number in [1, 10], or a file .exr';
  if (Number.isNaN(parseDecimal(text))) throw invalidArgument(range, '--lambda', text);
  return PARAMETERS.lambda.read(text, '--lambda');
}

function readLayer(text: string): Partial<Record<Role, string>> {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1) throw invalidArgument('role=layer', '--layer', text);
  return PARAMETERS.layer.read(text, '--layer');
}

/** Maps of samples are those of `sample-map`, kernels of pixels those of `explain`. */
function readOutputs(text: string): unknown {
  const outputs = PARAMETERS.outputs.read(text, '--outputs');
  if (outputs.every((output) => OUTPUTS_OF_FILES.includes(output))) return outputs;
  throw invalidArgument(`${OUTPUTS_OF_FILES.join(', ')} with commas between`, '--outputs', text);
}

/** What of a request the options of parameters say. A `lambda` that is a file is left to {@link lambdaMapOf}. */
export function parameterRequest(flags: object): ParameterRequest {
  const given = new Map(Object.entries(flags));
  const values = PARAMETER_NAMES.map((name) => {
    const value: unknown = given.get(name.replaceAll(/-./g, (letters) => letters.slice(1).toUpperCase()));
    return [name, name === 'lambda' && typeof value === 'string' ? undefined : value] as const;
  });
  return requestOf(Object.fromEntries(values));
}

/** An option that takes one of a few words. */
export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  const name = flags.replace(/ <.*/, '');
  return new Option(flags, description).choices(choices).argParser(oneOf(choices, name));
}

/** Refuses other words. */
export function oneOf(choices: readonly string[], name: string): (text: string) => string {
  return (text) => {
    if (choices.includes(text)) return text;
    throw invalidArgument(`one of ${choices.join(', ')}`, name, text);
  };
}

/** @throws QuietframeError `invalid-argument`. */
export function parseInteger(text: string, name: string, least: number, most: number): number {
  const value = parseDecimal(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalidArgument(`an integer in [${least}, ${most}]`, name, text);
}

/** @throws QuietframeError `invalid-argument`. */
export function parseNumber(text: string, name: string, least: number, most: number): number {
  const value = parseDecimal(text);
  if (value >= least && value <= most) return value;
  throw invalidArgument(`a number in [${least}, ${most}]`, name, text);
}

/** @throws QuietframeError `invalid-argument`. */
export function parsePositive(text: string, name: string): number {
  const value = parseDecimal(text);
  if (value > 0) return value;
  throw invalidArgument('a number above 0', name, text);
}

/**
 * The map of slopes, where `--lambda` is one.
 * @throws QuietframeError `file-system`.
 */
export async function lambdaMapOf(lambda: number | string | undefined): Promise<Uint8Array | undefined> {
  return typeof lambda === 'string' ? readInput(lambda) : undefined;
}

export function threadsOption(): Option {
  return new Option('--threads <n>', 'threads of the networks')
    .default(undefined, 'one a processor')
    .argParser((text) => parseInteger(text, '--threads', 1, 1024));
}

/** Options about what the networks run on. */
export interface WorkerFlags {
  readonly threads?: number;
  readonly device?: Config['device'];
  readonly engine?: Config['engine'];
}

/** Tells on standard error why `--device auto` does not use a device. */
export function tellRefusals(refusals: readonly string[]): void {
  for (const refusal of refusals)
    process.stderr.write(`quietframe: warning device-unavailable: ${refusal}\n`);
}

/** For commands that write files; {@link OverwriteGuard.keepExisting}. */
export function keepOption(): Option {
  return new Option('--no-overwrite', 'refuse to replace files that exist');
}

/** What filters frames; the setting of the environment without it. */
export function deviceOption(): Option {
  const { flag, unit, choices, fallback } = SETTINGS.device;
  return choiceOption(`--${flag} <${unit}>`, 'what filters frames', choices ?? []).default(
    undefined,
    fallback,
  );
}

/** What runs the networks; the setting of the environment without it. */
export function engineOption(): Option {
  const { flag, unit, choices, fallback, description } = SETTINGS.engine;
  return choiceOption(`--${flag} <${unit}>`, description, choices ?? []).default(undefined, fallback);
}

/** Files that are not there yet may be when the command is tried again: the command line is not wrong. */
export function notThere(range: string, name: string, received: string): QuietframeError {
  return new QuietframeError('file-system', expected(range, name, received), { parameter: name });
}
