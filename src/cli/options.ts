import { Option } from 'commander';
import { expected, QuietframeError } from '../errors.js';
import type { SourceName } from '../frame/frame.js';
import type { Role } from '../frame/render-source.js';
import { type ResolveOptions, SOURCES } from '../frame/resolve-layers.js';
import type { DenoiseExrRequest } from '../workflow/denoise-exr.js';
import { readInput } from './read-input.js';

/** Options about the layers of a file, as the command line gives them. */
export interface LayerFlags {
  readonly source?: SourceName | 'auto';
  readonly layer?: Partial<Record<Role, string>>;
  readonly spp?: number;
  readonly aovs?: 'all' | readonly string[];
}

export function sourceOption(): Option {
  return new Option('--source <name>', 'renderer that wrote the file').choices([
    'auto',
    ...SOURCES.map((source) => source.name),
  ]);
}

/** May be given several times. Unknown roles are refused where layers are resolved. */
export function layerOption(): Option {
  return new Option(
    '--layer <role=layer>',
    'layer of a role, e.g. albedo=MyAlbedo, or normal=none; repeatable',
  ).argParser((text: string, layers: Record<string, string> = {}) => {
    const equals = text.indexOf('=');
    if (equals < 1 || equals === text.length - 1) throw wrong('role=layer', '--layer', text);
    return { ...layers, [text.slice(0, equals)]: text.slice(equals + 1) };
  });
}

/** Layers of light. */
export function aovsOption(): Option {
  return new Option(
    '--aovs <all|name,...>',
    'light groups and lobes to denoise too, so that they still make up the beauty',
  ).argParser((text): 'all' | string[] => {
    const names = text.split(',').map((name) => name.trim());
    if (names.includes('')) throw wrong('all, or names of layers with commas between', '--aovs', text);
    return text === 'all' ? text : names;
  });
}

export function samplesOption(): Option {
  return new Option('--spp <n>', 'samples per pixel, for variance layers that need it').argParser((text) =>
    parseInteger(text, '--spp', 1, 2 ** 31),
  );
}

export function resolveOptions({ source, layer, spp, aovs }: LayerFlags): ResolveOptions {
  return {
    ...(source !== undefined && { source }),
    ...(layer !== undefined && { layers: layer }),
    ...(spp !== undefined && { samplesPerPixel: spp }),
    ...(aovs !== undefined && { aovs }),
  };
}

/** @throws QuietframeError `invalid-argument`. */
export function parseInteger(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(`an integer in [${least}, ${most}]`, name, text);
}

/** @throws QuietframeError `invalid-argument`. */
export function parseDecimal(text: string, name: string, least: number, most: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= least && value <= most) return value;
  throw wrong(`a number in [${least}, ${most}]`, name, text);
}

/** A slope for all pixels, or the path of a map. */
export function lambdaOption(): Option {
  return new Option(
    '--lambda <number|map.exr>',
    'in [1, 10], or a file with one for each pixel: higher keeps more of the input (default: 1)',
  ).argParser((text): number | string => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= 1 && value <= 10) return value;
    if (/\.exr$/i.test(text)) return text;
    throw wrong('a number in [1, 10], or a file .exr', '--lambda', text);
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
  return new Option(
    '--components <mode>',
    'denoise the beauty, or irradiance, albedo and specular on their own where the file has them',
  )
    .choices(['beauty', 'split'])
    .default('beauty');
}

export function wrong(range: string, name: string, received: string): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, name, received), { parameter: name });
}
