import { LRUCache } from 'lru-cache';
import { resolveLayers } from '../src/frame/layers/resolve-layers.js';
import { boxHeight, boxWidth } from '../src/image/image.js';
import { Decoder } from './decoder.js';
import { interleave, type Layer, layersOf } from './layers.js';
import { FLICKER, type Picture, type Source } from './state.js';

/** Bytes of cached pictures: a shot that plays is not decoded again and again. */
const CACHE_BYTES = 512 * 2 ** 20;

/** Reads headers and layers of files, each once. */
export class Pictures {
  readonly #decoder = new Decoder();
  readonly #cache = new LRUCache<string, Picture>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ data }) => data.byteLength,
  });
  #sources = new Map<File, Promise<Source>>();

  /** @throws Error with the file's name and the problem. */
  source(file: File): Promise<Source> {
    const cached = this.#sources.get(file);
    if (cached !== undefined) return cached;
    const opened = this.open(file, file.name).catch((error: Error) => {
      throw new Error(`${file.name}: ${error.message}`);
    });
    this.#sources.set(file, opened);
    return opened;
  }

  async open(file: Blob, name: string): Promise<Source> {
    return { ...(await this.#decoder.open(file)), file, name };
  }

  /** Drops all opened files but one. */
  keepOnly(file: File, source: Source): void {
    this.#sources = new Map([[file, Promise.resolve(source)]]);
  }

  /** The beauty or, with a label, another layer. @throws Error with the file's name and the problem. */
  async read(source: Source, label: string, denoised: boolean): Promise<Picture> {
    const layer = layerOf(source, label, denoised) ?? beautyOf(source, denoised);
    const key = JSON.stringify([source.digest, layer.part, layer.channels]);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const picture = await this.channels(source.file, layer.part, layer.channels).catch((error: Error) => {
      throw new Error(`${source.name}: ${error.message}`);
    });
    this.#cache.set(key, picture);
    return picture;
  }

  /** @throws Error with what is wrong with the file. */
  async channels(file: Blob, part: number, channels: readonly string[]): Promise<Picture> {
    const { dataWindow, data } = await this.#decoder.planes(file, part, channels);
    const [width, height] = [boxWidth(dataWindow), boxHeight(dataWindow)];
    return { width, height, data: interleave(data, width * height) };
  }
}

/** The layer of a label in a file; the beauty is the layer to denoise, or the one that the service writes. */
export function layerOf(source: Source, label: string, denoised: boolean): Layer | undefined {
  if (label === '' || label === FLICKER) return beautyOf(source, denoised);
  return layersOf(source.parts).find((layer) => layer.label === label);
}

function beautyOf({ parts }: Source, denoised: boolean): Layer {
  const { layers, target } = resolveLayers(parts);
  return { label: 'Beauty', kind: 'light', ...(denoised ? target : layers.color) };
}
