import { LRUCache } from 'lru-cache';
import { resolveLayers } from '../src/frame/layers/resolve-layers.js';
import { motionFromLayer } from '../src/frame/motion/motion.js';
import { boxHeight, boxWidth } from '../src/image/image.js';
import { plane, type Raster, raster } from '../src/image/raster.js';
import { Decoder } from './decoder.js';
import { interleave, type Layer, layersOf } from './layers.js';
import { FileProblem } from './messages.js';
import { FLICKER, type Picture, type Source } from './state.js';

/** Bytes of cached pictures: a shot that plays is not decoded again and again. */
const CACHE_BYTES = 512 * 2 ** 20;

/** Reads headers and layers of files, each once. */
export class Pictures {
  readonly decoder = new Decoder();
  readonly #cache = new LRUCache<string, Picture>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ data }) => data.byteLength,
  });
  #sources = new Map<File, Promise<Source>>();

  /** @throws FileProblem with the file's name. */
  source(file: File): Promise<Source> {
    const cached = this.#sources.get(file);
    if (cached !== undefined) return cached;
    const opened = this.open(file, file.name);
    this.#sources.set(file, opened);
    return opened;
  }

  /** @throws FileProblem with the file's name. */
  async open(file: Blob, name: string): Promise<Source> {
    const header = await this.decoder.open(file).catch((error: Error) => {
      throw new FileProblem(`${name} is not an OpenEXR file, or it is damaged`, error.message);
    });
    return { ...header, file, name };
  }

  /** Drops all opened files but one. */
  keepOnly(file: File, source: Source): void {
    this.#sources = new Map([[file, Promise.resolve(source)]]);
  }

  /**
   * The beauty or, with a label, another layer.
   * @throws FileProblem with the file's name.
   */
  async read(source: Source, label: string, denoised: boolean): Promise<Picture> {
    const layer = layerOf(source, label, denoised) ?? beautyOf(source, denoised);
    const key = JSON.stringify([source.digest, layer.part, layer.channels, layer.kind]);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const picture =
      layer.kind === 'motion' ? offsetsOf(await this.motion(source)) : await this.#decode(source, layer);
    this.#cache.set(key, picture);
    return picture;
  }

  /** Offsets to the previous frame or, without them, to the next one; undefined where the file has neither. */
  async motion(source: Source): Promise<{ offsets: Raster; isToPrevious: boolean } | undefined> {
    const { layers, motionConvention } = resolveLayers(source.parts);
    if (layers.motion === undefined) return undefined;
    const { part, channels } = layers.motion;
    const { dataWindow, data } = await this.#planes(source, part, channels);
    const samples = raster(boxWidth(dataWindow), boxHeight(dataWindow), channels.length);
    data.forEach((values, c) => {
      plane(samples, c).set(values);
    });
    const { toPrevious, toNext } = motionFromLayer(samples, motionConvention) ?? {};
    const offsets = toPrevious ?? toNext;
    return offsets && { offsets, isToPrevious: toPrevious !== undefined };
  }

  async #decode(source: Source, { part, channels, alpha }: Layer): Promise<Picture> {
    const names = alpha === undefined ? channels : [...channels, alpha];
    const { dataWindow, data } = await this.#planes(source, part, names);
    const [width, height] = [boxWidth(dataWindow), boxHeight(dataWindow)];
    const opacity = alpha === undefined ? undefined : data[channels.length];
    return { width, height, data: interleave(data.slice(0, channels.length), width * height, opacity) };
  }

  #planes(source: Source, part: number, channels: readonly string[]): ReturnType<Decoder['planes']> {
    return this.decoder.planes(source.file, part, channels).catch((error: Error) => {
      throw new FileProblem(`${source.name} cannot be read: render or copy it again`, error.message);
    });
  }
}

/** All layers of a file, motion vectors among them. */
export function layersIn({ parts }: Source): Layer[] {
  const { layers, motionConvention } = resolveLayers(parts);
  return layersOf(parts, motionConvention === 'unknown' ? undefined : layers.motion);
}

/** The layer of a label in a file; the beauty is the layer to denoise, or the one that the service writes. */
export function layerOf(source: Source, label: string, denoised: boolean): Layer | undefined {
  if (label === '' || label === FLICKER) return beautyOf(source, denoised);
  return layersIn(source).find((layer) => layer.label === label);
}

function beautyOf({ parts }: Source, denoised: boolean): Layer {
  const { layers, target, alpha } = resolveLayers(parts);
  const opacity = denoised ? alpha?.target : alpha?.read;
  return {
    label: 'Beauty',
    kind: 'light',
    alpha: opacity?.channels[0],
    ...(denoised ? target : layers.color),
  };
}

/** Offsets as a picture: x and y in red and green, NaN where they are not known. */
function offsetsOf(motion: Awaited<ReturnType<Pictures['motion']>>): Picture {
  const { width, height, ...offsets } = motion?.offsets ?? raster(1, 1, 2);
  const [x, y] = [0, 1].map((c) => offsets.data.subarray(c * width * height, (c + 1) * width * height));
  return { width, height, data: interleave([x ?? [], y ?? [], []], width * height) };
}
