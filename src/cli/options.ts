import { Option } from 'commander';
import { type Config, SETTINGS } from '../config.js';
import { PREFILTER_CHOICES } from '../denoise/types.js';
import { expected, QuietframeError } from '../errors.js';
import { OUTPUTS, type Output } from '../files/denoise-file/maps.js';
import type { DenoiseExrRequest } from '../files/denoise-file/types.js';
import type { SourceName } from '../frame/frame.js';
import type { Role } from '../frame/layers/render-source.js';
import { type ResolveOptions, SOURCES } from '../frame/layers/resolve-layers.js';
import { namedMotion } from '../frame/motion/motion.js';
import { parseDecimal } from '../numbers.js';
import { readInput } from './read-input.js';

/** Options about the layers of a file, as the command line gives them. */
export interface LayerFlags {
  readonly source?: SourceName | 'auto';
  readonly view?: string;
  readonly layer?: Partial<Record<Role, string>>;
  readonly motion?: string;
  readonly spp?: number;
  readonly aovs?: 'all' | readonly string[];
}

export function sourceOption(): Option {
  const names = ['auto', ...SOURCES.map((source) => source.name)] as const;
  return choiceOption('--source <name>', 'renderer that wrote the file', names);
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
    throw wrong(`one of ${choices.join(', ')}`, name, text);
  };
}

/** May be given several times. Unknown roles are refused where layers are resolved. */
export function layerOption(): Option {
  return new Option('--layer <role=layer>', 'albedo=MyAlbedo, normal=none; repeatable').argParser(
    (text: string, layers: Record<string, string> = {}) => {
      const equals = text.indexOf('=');
      if (equals < 1 || equals === text.length - 1) throw wrong('role=layer', '--layer', text);
      return { ...layers, [text.slice(0, equals)]: text.slice(equals + 1) };
    },
  );
}

/** One of several stereo views, or all of them. */
export function viewOption(description = 'stereo view that is denoised, or all, each by itself'): Option {
  return new Option('--view <name|all>', description).default(undefined, "the file's first");
}

/** The convention of motion vectors. */
export function motionOption(): Option {
  return new Option('--motion <convention>', 'how vectors are read: none, cycles, to-previous,y-up')
    .default(undefined, "the renderer's")
    .argParser((text) => {
      if (text !== 'auto') namedMotion(text);
      return text;
    });
}

/** Layers of light. */
export function aovsOption(): Option {
  return new Option('--aovs <all|name,...>', 'light groups and lobes to denoise with the beauty').argParser(
    (text): 'all' | string[] => {
      const names = text.split(',').map((name) => name.trim());
      if (names.includes('')) throw wrong('all, or names of layers with commas between', '--aovs', text);
      return text === 'all' ? text : names;
    },
  );
}

export function samplesOption(): Option {
  return new Option('--spp <n>', 'samples per pixel, for variance layers').argParser((text) =>
    parsePositive(text, '--spp'),
  );
}

export function resolveOptions({ source, view, layer, motion, spp, aovs }: LayerFlags): ResolveOptions {
  return {
    ...(source !== undefined && { source }),
    ...(view !== undefined && { view }),
    ...(layer !== undefined && { layers: layer }),
    ...(motion !== undefined && { motion }),
    ...(spp !== undefined && { samplesPerPixel: spp }),
    ...(aovs !== undefined && { aovs }),
  };
}

/** @throws QuietframeError `invalid-argument`. */
export function parseInteger(text: string, name: string, least: number, most: number): number {
  const value = parseDecimal(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(`an integer in [${least}, ${most}]`, name, text);
}

/** @throws QuietframeError `invalid-argument`. */
export function parseNumber(text: string, name: string, least: number, most: number): number {
  const value = parseDecimal(text);
  if (value >= least && value <= most) return value;
  throw wrong(`a number in [${least}, ${most}]`, name, text);
}

/** @throws QuietframeError `invalid-argument`. */
export function parsePositive(text: string, name: string): number {
  const value = parseDecimal(text);
  if (value > 0) return value;
  throw wrong('a number above 0', name, text);
}

/** A slope for all pixels, or the path of a map. */
export function lambdaOption(): Option {
  return new Option('--lambda <number|map.exr>', 'in [1, 10]: higher keeps more of the input and its noise')
    .default(undefined, '1')
    .argParser((text): number | string => {
      const value = parseDecimal(text);
      if (value >= 1 && value <= 10) return value;
      if (/\.exr$/i.test(text)) return text;
      throw wrong('a number in [1, 10], or a file .exr', '--lambda', text);
    });
}

/** What of a frame its result holds; maps of samples are those of `sample-map`, kernels of pixels those of `explain`. */
export function outputsOption(): Option {
  const known = OUTPUTS.filter((output) => output !== 'samples' && output !== 'kernels');
  return new Option('--outputs <name,...>', `what is written: ${known.join(', ')}`)
    .default(undefined, 'color')
    .argParser((text): Output[] => {
      const named = text.split(',').map((name) => known.find((output) => output === name.trim()));
      const outputs = [...new Set(named.flatMap((output) => output ?? []))];
      if (named.includes(undefined))
        throw wrong(`${known.join(', ')} with commas between`, '--outputs', text);
      return outputs;
    });
}

/** @throws QuietframeError `file-system`. */
export async function lambdaRequest(
  lambda: number | string | undefined,
): Promise<Pick<DenoiseExrRequest, 'lambda' | 'lambdaMap'>> {
  if (lambda === undefined) return {};
  return typeof lambda === 'number' ? { lambda } : { lambdaMap: await readInput(lambda) };
}

export function componentsOption(): Option {
  return choiceOption('--components <mode>', 'denoise the beauty, or its components apart', [
    'beauty',
    'split',
  ]).default('beauty');
}

export function alphaOption(): Option {
  return choiceOption('--alpha <mode>', 'fit light to alpha, keep alpha, or filter it', [
    'auto',
    'copy',
    'denoise',
  ]).default('auto');
}

export function wrapOption(): Option {
  return choiceOption('--wrap <mode>', 'join left and right border (panoramas)', [
    'auto',
    'x',
    'none',
  ]).default('auto');
}

export function modelOption(description = 'bundle that denoises; pkn is a fast preview'): Option {
  return new Option('--model <name[@version]>', description).default(undefined, 'kpcn');
}

/** What reads the frames. Encoders are those of the model, which refuses others. */
export function encoderOption(): Option {
  return new Option('--encoder <name>', 'encoder of the model: cycles, mitsuba, generic, color').default(
    undefined,
    'auto',
  );
}

export function prefilterOption(): Option {
  const description = 'clean albedo and normals';
  return choiceOption('--prefilter <mode>', description, PREFILTER_CHOICES).default('auto');
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

export function wrong(range: string, name: string, received: string): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, name, received), { parameter: name });
}

/** Files that are not there yet may be when the command is tried again: the command line is not wrong. */
export function notThere(range: string, name: string, received: string): QuietframeError {
  return new QuietframeError('file-system', expected(range, name, received), { parameter: name });
}
