import { expected, QuietframeError, withFrameName } from '../../errors.js';
import { stringAttribute } from '../../exr/attribute.js';
import type { ExrPool } from '../../exr/pool.js';
import { rasterOf } from '../../frame/planned-image.js';
import type { Attribute, Image, Plane } from '../../image/image.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import type { PknNetwork } from '../../pkn/network.js';
import { completeMap, DEFAULTS, PARAMETERS, type ParameterMap } from '../../pkn/parameter-map.js';
import { VERSION } from '../../version.js';
import { planSource } from '../window/planned-source.js';
import { alphaOf, applyFilter, type FilteredPicture, mapChannels } from './apply-filter.js';
import { FILTERS, type FilterOptions } from './filter-options.js';
import { decodePng, encodePicture, isPng } from './png-picture.js';

/** A picture to filter, and how. */
export interface FilterTask {
  /** A PNG of 8 or 16 bits, or an OpenEXR file. */
  readonly picture: Uint8Array;
  /** An OpenEXR file of parameters, as an earlier run has written it, perhaps edited. */
  readonly parameters?: Uint8Array;
  readonly options: FilterOptions;
}

export interface FilteredFile {
  /** Of the format of the picture. */
  readonly bytes: Uint8Array;
  readonly type: 'png' | 'exr';
  /** An OpenEXR file with the parameters that were applied, at half the picture's size. */
  readonly parameters: Uint8Array;
  readonly report: {
    readonly filter: string;
    readonly width: number;
    readonly height: number;
    readonly sigma: number;
    readonly blur?: number;
    /** Means of the parameters. */
    readonly means: Readonly<Record<string, number>>;
  };
}

/** What a picture is filtered with. */
export interface FilterTools {
  readonly network: Pick<PknNetwork, 'predict'>;
  readonly exr: Pick<ExrPool, 'open' | 'read' | 'replace' | 'write'>;
  /** Called between steps. @throws to end the work. */
  readonly check: () => void;
}

/** The colour of a picture and what goes with it. */
type Layers = Pick<FilteredPicture, 'map' | 'sigma' | 'blur'> & {
  readonly color: Raster;
  readonly alpha: Raster | undefined;
};

/**
 * Filters the color of a picture. A PNG is filtered as it is coded, an OpenEXR file in its scene-linear units; everything else
 * of it stays, but for `upscale`, whose file has the color and the alpha alone.
 * @throws QuietframeError `invalid-argument`, `missing-layer`; as `ExrPool.read`; naming the picture or the parameters.
 */
export async function filterFile(task: FilterTask, tools: FilterTools): Promise<FilteredFile> {
  const { picture, parameters, options } = task;
  const map = parameters && (await withFrameName('parameters', () => readMap(parameters, options, tools)));
  return withFrameName('picture', () =>
    isPng(picture) ? filterPng(picture, options, map, tools) : filterExr(picture, options, map, tools),
  );
}

async function filterPng(
  picture: Uint8Array,
  options: FilterOptions,
  map: ParameterMap | undefined,
  tools: FilterTools,
): Promise<FilteredFile> {
  const { bits, color, alpha } = decodePng(picture);
  const layers = await filterLayers(color, alpha, options, map, tools);
  const bytes = encodePicture({ color: layers.color, bits, ...(layers.alpha && { alpha: layers.alpha }) });
  return answer(bytes, 'png', layers, tools);
}

async function filterExr(
  picture: Uint8Array,
  options: FilterOptions,
  map: ParameterMap | undefined,
  tools: FilterTools,
): Promise<FilteredFile> {
  const { exr, check } = tools;
  const { source, plan } = planSource(exr.open(picture));
  const used = [plan.target, ...(plan.alpha ? [plan.alpha.target] : [])];
  const image = await exr.read(source, {
    select: ({ index }, { name }) =>
      used.some(({ part, channels }) => part === index && channels.includes(name)),
  });
  const color = rasterOf(image, plan.target) as Raster;
  const wrong = color.data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    const message = expected('finite numbers', 'the colour of the picture', color.data[wrong]);
    throw new QuietframeError('invalid-argument', message, { layer: 'color' });
  }
  const alpha = plan.alpha && rasterOf(image, plan.alpha.target);
  const layers = await filterLayers(color, alpha, options, map, tools);
  check();
  const attributes = new Map([
    ['quietframe:filter', stringAttribute(FILTERS[options.with])],
    ['quietframe:software', stringAttribute(`quietframe ${VERSION}`)],
  ]);
  if (options.with === 'upscale') {
    const bytes = await exr.write(imageOf(layers.color, colorPlanes(layers), attributes));
    return answer(bytes, 'exr', layers, tools);
  }
  const { channels, part } = plan.target;
  const samples = new Map(channels.map((name, c) => [name, plane(layers.color, c)]));
  const bytes = await exr.replace(source, new Map([[part, samples]]), { attributes });
  return answer(bytes, 'exr', layers, tools);
}

async function filterLayers(
  color: Raster,
  alpha: Raster | undefined,
  options: FilterOptions,
  given: ParameterMap | undefined,
  { network, check }: FilterTools,
): Promise<Layers> {
  check();
  const { picture, ...filtered } = await applyFilter(color, options, network, given);
  return { ...filtered, color: picture, alpha: alpha && alphaOf(alpha, options, filtered.map) };
}

async function answer(
  bytes: Uint8Array,
  type: 'png' | 'exr',
  { map, color, sigma, blur }: Layers,
  { exr, check }: FilterTools,
): Promise<FilteredFile> {
  check();
  const planes = mapChannels(map).map((channel): Plane => ({ ...channel, type: 'float' }));
  const attributes = new Map([['quietframe:filter', stringAttribute(map.filter)]]);
  const parameters = await exr.write(imageOf(map.values, planes, attributes));
  const means = Object.keys(PARAMETERS[map.filter]).map((name, c): [string, number] => {
    const values = plane(map.values, c);
    return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
  });
  const { width, height } = color;
  return {
    ...{ bytes, type, parameters },
    report: {
      ...{ filter: map.filter, width, height, sigma },
      ...(blur !== undefined && { blur }),
      means: Object.fromEntries(means),
    },
  };
}

/** Maps have half the size of their picture, which the filter checks with their values. */
async function readMap(
  file: Uint8Array,
  { with: name }: FilterOptions,
  { exr }: FilterTools,
): Promise<ParameterMap> {
  const filter = FILTERS[name];
  const [part] = (await exr.read(file)).parts;
  const names = Object.keys(PARAMETERS[filter]).map((parameter) => `parameters.${filter}.${parameter}`);
  const planes = names.flatMap((channel) => {
    const found = part?.planes.get(channel);
    if (found !== undefined) return [found.data];
    // Files of earlier versions lack parameters that have a default.
    if ((channel.split('.').at(-1) as string) in DEFAULTS) return [];
    const message = expected(`a channel ${channel}`, 'the map of parameters', 'none');
    throw new QuietframeError('missing-layer', message, { parameter: 'parameters' });
  });
  const { xMin = 0, xMax = -1, yMin = 0, yMax = -1 } = part?.dataWindow ?? {};
  const values = raster(xMax - xMin + 1, yMax - yMin + 1, planes.length);
  for (const [c, data] of planes.entries()) plane(values, c).set(data);
  return completeMap({ filter, values });
}

function colorPlanes({ color, alpha }: Layers): Plane[] {
  const letters = ['R', 'G', 'B', 'A'];
  const layers = [...[0, 1, 2].map((c) => plane(color, c)), ...(alpha ? [alpha.data] : [])];
  return layers.map((data, c): Plane => ({ name: letters[c] as string, type: 'float', data }));
}

function imageOf(
  { width, height }: Raster,
  planes: readonly Plane[],
  attributes: ReadonlyMap<string, Attribute>,
): Image {
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const part = { name: '', view: undefined, dataWindow: window, displayWindow: window, attributes };
  return { parts: [{ ...part, planes: new Map(planes.map((each) => [each.name, each])) }] };
}
