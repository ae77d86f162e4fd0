import type { Engine, NetworkModule } from '../../engine/engine.js';
import { type Simd, WasmBuild } from '../../engine/wasm-build.js';
import { expected, QuietframeError } from '../../errors.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import { grow, type Tile } from '../../image/region.js';
import type { PknBundle } from '../bundle.js';
import { mapSize, PARAMETERS, type ParameterMap } from '../parameter-map.js';
import { copyRegion, type PreviewBuffers } from './preview-buffers.js';

/** Pixels around a tile that its parameters depend on. */
export const PREVIEW_NETWORK_OVERLAP = 24;
/** Corners of tiles are multiples of this: the network pools to an eighth of the resolution. */
export const PREVIEW_ALIGNMENT = 8;
/** Bytes that the network needs for a pixel of a tile with its overlap: the buffers, the features and two layers. */
export const PREVIEW_NETWORK_BYTES_PER_PIXEL = 4 * (12 + 16 / 4 + (3 * 40) / 4);

const SOURCE_CHANNELS = 12;
const FEATURES = 16;

/** Predicts the parameters of the preview's filter for renders. Not for use by two threads. */
export class PreviewNetwork {
  readonly #build: WasmBuild;

  private constructor(
    private readonly head: NetworkModule,
    simd: Simd | undefined,
  ) {
    this.#build = new WasmBuild('pkn-preview-features', simd);
  }

  /**
   * @param simd the build of the features; by default the fastest that this process can run.
   * @throws QuietframeError `model-damaged` when the bundle has no head for the filter, or one that does not load.
   */
  static async load(bundle: PknBundle, engine: Engine, simd?: Simd): Promise<PreviewNetwork> {
    const head = bundle.heads.get('cross-bilateral');
    if (head === undefined) {
      throw new QuietframeError('model-damaged', expected('cross-bilateral', 'the heads', 'none'));
    }
    return new PreviewNetwork(await engine.load('cross-bilateral', head), simd);
  }

  /** A map of zeros for a picture, to be filled. */
  static createMap(width: number, height: number): ParameterMap {
    const channels = Object.keys(PARAMETERS['cross-bilateral']).length;
    return { filter: 'cross-bilateral', values: raster(mapSize(width), mapSize(height), channels) };
  }

  /**
   * Predicts the parameters of a tile into a map of the whole picture.
   * @param tile with corners at multiples of 8.
   * @param time is called with milliseconds by stage.
   */
  async predict(
    buffers: PreviewBuffers,
    exposure: number,
    tile: Tile,
    map: Raster,
    time: (stage: 'features' | 'network', milliseconds: number) => void = () => {},
  ): Promise<void> {
    const start = performance.now();
    const { light } = buffers;
    const region = grow(tile, PREVIEW_NETWORK_OVERLAP, light.width, light.height);
    const width = padded(region.width);
    const height = padded(region.height);
    const size = width * height;
    const [source, scratch, features] = this.#build.allocate(
      ...[SOURCE_CHANNELS * size, 10 * width, (FEATURES * size) / 4],
    ) as [Float32Array, Float32Array, Float32Array];
    const groups = [
      [light, buffers.colorVariance],
      [buffers.albedo, buffers.albedoVariance],
      [buffers.normal, buffers.normalVariance],
    ] as const;
    const layout = { stride: width, rows: height, border: 0 };
    for (const [i, [buffer, variance]] of groups.entries()) {
      copyRegion(buffer, 3, region, source.subarray(4 * i * size), layout);
      copyRegion(variance, 1, region, source.subarray((4 * i + 3) * size), layout);
    }
    this.#build.function('features')(
      ...[source.byteOffset, scratch.byteOffset, features.byteOffset, width, height, exposure],
    );
    time('features', performance.now() - start);

    const running = performance.now();
    const half = { width: width / 2, height: height / 2 };
    const parameters = {
      data: new Float32Array(map.channels * half.width * half.height),
      shape: [1, map.channels, half.height, half.width] as const,
    };
    const x = { data: features, shape: [1, FEATURES, half.height, half.width] as const };
    await this.head.run({ x }, { parameters });
    const columns = mapSize(tile.width);
    for (let c = 0; c < map.channels; c++) {
      const to = plane(map, c);
      for (let y = 0; y < mapSize(tile.height); y++) {
        const row = (c * half.height + (tile.y - region.y) / 2 + y) * half.width + (tile.x - region.x) / 2;
        to.set(parameters.data.subarray(row, row + columns), (tile.y / 2 + y) * map.width + tile.x / 2);
      }
    }
    time('network', performance.now() - running);
  }
}

function padded(pixels: number): number {
  return Math.ceil(pixels / PREVIEW_ALIGNMENT) * PREVIEW_ALIGNMENT;
}
