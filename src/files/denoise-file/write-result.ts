import { expected, QuietframeError } from '../../errors.js';
import type { ExrLayout } from '../../exr/layout.js';
import type { AddedChannel } from '../../exr/replace-channels.js';
import type { LayerPlan, PlannedLayer } from '../../frame/layers/resolve-layers.js';
import type { Attribute, Image } from '../../image/image.js';
import { joinedPart, ownParts } from '../../image/joined-parts.js';
import { plane, type Raster } from '../../image/raster.js';
import { crop, type Tile } from '../../image/region.js';
import { resultAttributes } from './attributes.js';
import type { DenoisedWindow } from './denoise-loaded.js';
import type { FinishedLayers } from './finish-layers.js';
import type { LoadedFiles } from './load-files.js';
import type { MapChannel, Maps } from './maps.js';
import type { PlannedFiles } from './plan-files.js';
import { resizeImage } from './resize-image.js';
import type { ViewTask } from './view-task.js';
import type { Written } from './warnings.js';

/**
 * Writes the file of the result: the original with its channels replaced and others added, or a file of its own for a region,
 * for maps alone, and for another size.
 * @throws QuietframeError as `ExrPool.replace`, `ExrPool.read` and `ExrPool.write`; `unsupported-exr` where a channel of the
 * original has the name of a map and another type.
 */
export async function writeResult(
  task: ViewTask,
  planned: PlannedFiles,
  loaded: LoadedFiles,
  denoised: DenoisedWindow,
  { color, written }: FinishedLayers,
  { channels }: Maps,
): Promise<Uint8Array> {
  const { options, asked, services, watch, output } = task;
  const { source, plan } = planned.original;
  const { header } = source;
  const { pool } = services;
  const { region, mapsOnly, onProgress, signal } = options;
  const calling = signal && { signal };
  const attributes = await resultAttributes(task, planned, loaded, denoised);
  const write = async (): Promise<Uint8Array> => {
    if (region !== undefined) {
      const image = imageOf(colorChannels(color), regionPlan(plan, region), header, attributes);
      return pool.write(image, calling);
    }
    if (mapsOnly) return pool.write(imageOf(channels, plan, header, attributes), calling);
    const replacements = withMaps(replacementsOf(written), channels, header, plan);
    const add = addedMaps(channels, header, plan);
    if (asked.factor === 1) return pool.replace(output.onto, replacements, { attributes, add, ...calling });
    const select = ({ name }: { readonly name: string }): boolean => joinedPart(name) === undefined;
    const whole = await pool.read(source, { select, ...calling });
    const image = resizeImage({ parts: ownParts(whole.parts) }, asked.factor);
    return pool.write(replaced(image, replacements, add, attributes), calling);
  };
  const bytes = await write();
  watch.lap('encode');
  onProgress?.(1);
  return bytes;
}

/** The noisy colour of the pixels of the result. */
export function noisyOf({ options: { region } }: ViewTask, { window }: LoadedFiles): Raster {
  const { color } = window.center.built.frame;
  return region === undefined ? color : crop(color, region);
}

function replacementsOf(written: readonly Written[]): Map<number, Map<string, Float32Array | Uint32Array>> {
  const replacements = new Map<number, Map<string, Float32Array | Uint32Array>>();
  for (const { layer, samples } of written) {
    const channels = replacements.get(layer.part) ?? new Map<string, Float32Array | Uint32Array>();
    replacements.set(layer.part, channels);
    for (const name of new Set(layer.channels)) channels.set(name, meanOfPlanes(samples, layer, name));
  }
  return replacements;
}

/** Samples of a channel; the mean of those that stand for it where luminance alone is read as grey. */
function meanOfPlanes(samples: Raster, { channels }: PlannedLayer, name: string): Float32Array {
  const planes = channels.flatMap((channel, c) => (channel === name ? [plane(samples, c)] : []));
  const [first, ...others] = planes as [Float32Array, ...Float32Array[]];
  const mean = first.slice();
  if (others.length === 0) return mean;
  for (let i = 0; i < mean.length; i++) {
    let sum = mean[i] as number;
    for (const other of others) sum += other[i] as number;
    mean[i] = sum / planes.length;
  }
  return mean;
}

/** Everything of a resized image, but for what is replaced and added. */
function replaced(
  image: Image,
  replacements: ReadonlyMap<number, ReadonlyMap<string, Float32Array | Uint32Array>>,
  added: readonly AddedChannel[],
  attributes: ReadonlyMap<string, Attribute>,
): Image {
  const parts = image.parts.map((part, index) => {
    const planes = new Map(part.planes);
    for (const [name, data] of replacements.get(index) ?? []) {
      planes.set(name, { name, type: 'float', ...planes.get(name), data });
    }
    for (const { part: wanted, ...channel } of added) if (wanted === index) planes.set(channel.name, channel);
    return { ...part, attributes: new Map([...part.attributes, ...attributes]), planes };
  });
  return { parts };
}

function colorChannels(color: Raster): MapChannel[] {
  return ['R', 'G', 'B'].map((name, c) => ({ name, type: 'float', data: plane(color, c) }));
}

/** The plan with a region for its data window. */
function regionPlan(plan: LayerPlan, { x, y, width, height }: Tile): LayerPlan {
  const [xMin, yMin] = [plan.dataWindow.xMin + x, plan.dataWindow.yMin + y];
  return { ...plan, dataWindow: { xMin, yMin, xMax: xMin + width - 1, yMax: yMin + height - 1 } };
}

/** A file of maps alone, with the windows of the frame. */
function imageOf(
  channels: readonly MapChannel[],
  { target, dataWindow }: LayerPlan,
  header: ExrLayout,
  attributes: Map<string, Attribute>,
): Image {
  const displayWindow = header.parts[target.part]?.displayWindow ?? dataWindow;
  const planes = new Map(channels.map((channel) => [channel.name, channel]));
  return { parts: [{ name: '', view: undefined, dataWindow, displayWindow, attributes, planes }] };
}

/** Maps that an earlier run has written take the place of those. */
function hasChannel(header: ExrLayout, { target }: LayerPlan, { name, type }: MapChannel): boolean {
  const found = header.parts[target.part]?.channels.find((channel) => channel.name === name);
  if (found === undefined || found.type === type) return found !== undefined;
  const message = expected(
    `${type} samples`,
    `channel ${JSON.stringify(name)} of part ${target.part}`,
    found.type,
  );
  throw new QuietframeError('unsupported-exr', message, { layer: name });
}

function withMaps(
  replacements: Map<number, Map<string, Float32Array | Uint32Array>>,
  channels: readonly MapChannel[],
  header: ExrLayout,
  plan: LayerPlan,
): Map<number, Map<string, Float32Array | Uint32Array>> {
  const { part } = plan.target;
  const present = channels.filter((channel) => hasChannel(header, plan, channel));
  if (present.length === 0) return replacements;
  const replaced = new Map(replacements.get(part));
  for (const { name, data } of present) replaced.set(name, data);
  return new Map([...replacements, [part, replaced]]);
}

function addedMaps(channels: readonly MapChannel[], header: ExrLayout, plan: LayerPlan): AddedChannel[] {
  const { part } = plan.target;
  return channels
    .filter((channel) => !hasChannel(header, plan, channel))
    .map((channel) => ({ part, ...channel }));
}
