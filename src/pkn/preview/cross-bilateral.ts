import { type Simd, WasmBuild } from '../../engine/wasm-build.js';
import { plane, type Raster } from '../../image/raster.js';
import { grow, type Tile } from '../../image/region.js';
import { strideOf } from '../band.js';
import { mapSize, PARAMETERS, type ParameterMap } from '../parameter-map.js';
import { copyRegion, type PreviewBuffers } from './preview-buffers.js';

/** Distance of the taps of every pass in pixels; the last pass mends the grid that those before leave. */
export const DILATIONS = [1, 2, 4, 8, 1] as const;

/** Pixels around a tile that its result depends on: the passes, their guides, the neighbors of fireflies, the map. */
export const CROSS_BILATERAL_OVERLAP = 24;

/** Pixels around the tile in memory; the largest distance. */
const PAD = 8;
/** What pixels are compared by: albedo, normal, and the logarithm of light. */
const GUIDE_CHANNELS = 7;
/** Floats of the scratch beside its rows: precisions, places and weights of the neighbors of 128 pixels. */
const NEIGHBORS = 12 + 8 + 8 * 128;

/** Bytes that the filter needs for a pixel of a tile with its overlap. */
export function crossBilateralBytesPerPixel(channels: number): number {
  return 4 * (2 * channels + GUIDE_CHANNELS + mapChannels() / 4);
}

function mapChannels(): number {
  return Object.keys(PARAMETERS['cross-bilateral']).length;
}

type Filter = (...parameters: readonly number[]) => void;

/**
 * The filter of the preview: an edge-avoiding a-trous cross-bilateral filter (Dammertz et al. 2010) of light without the
 * albedo, with parameters for every pixel. Not for use by two threads.
 */
export class CrossBilateral {
  readonly #build: WasmBuild;

  /** @param simd the build to run; by default the fastest that this process can run. */
  constructor(simd?: Simd) {
    this.#build = new WasmBuild('pkn-cross-bilateral', simd);
  }

  /**
   * Filters a tile. Layers of three channels are divided by the albedo and multiplied by it again, those of one are not.
   * @param map of the filter `cross-bilateral`, for the whole picture, checked.
   * @param exposure what light is multiplied by before its differences count.
   * @param layers channels of the layers of `light`, the colour first.
   * @param tile with even corners.
   * @param target of the size of `light`; the tile is written.
   */
  filter(
    buffers: PreviewBuffers,
    map: ParameterMap,
    {
      exposure,
      layers,
      tile,
    }: { readonly exposure: number; readonly layers: readonly number[]; readonly tile: Tile },
    target: Raster,
  ): void {
    const { light, albedo, normal } = buffers;
    const region = grow(tile, CROSS_BILATERAL_OVERLAP, light.width, light.height);
    const { width, height } = region;
    const stride = strideOf(width + 2 * PAD + 4);
    const rows = height + 2 * PAD;
    const size = rows * stride;
    const mapStride = strideOf(mapSize(width) + 12);
    const mapRows = mapSize(height) + 2;
    const [first, second, guides, parameters, scratch] = this.#build.allocate(
      ...[light.channels * size, light.channels * size, GUIDE_CHANNELS * size],
      ...[map.values.channels * mapRows * mapStride, 4 * stride + NEIGHBORS],
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
    copyRegion(light, light.channels, region, first, { stride, rows, border: PAD });
    copyRegion(albedo, 3, region, guides, { stride, rows, border: PAD });
    copyRegion(normal, 3, region, guides.subarray(3 * size), { stride, rows, border: PAD });
    const mapRegion = {
      x: region.x >> 1,
      y: region.y >> 1,
      width: mapSize(width),
      height: mapSize(height),
    };
    copyRegion(map.values, map.values.channels, mapRegion, parameters, {
      ...{ stride: mapStride, rows: mapRows, border: 1 },
    });
    const names = Object.keys(PARAMETERS['cross-bilateral']);
    const at = (name: string): number =>
      parameters.byteOffset + 4 * names.indexOf(name) * mapRows * mapStride;

    const { demodulate, remodulate, luminance, logLight, limitFireflies, average, repeatBorder } =
      this.#functions();
    let from = first.byteOffset;
    let to = second.byteOffset;
    const bytes = 4 * size;
    const logOfLight = guides.byteOffset + 6 * bytes;
    eachDemodulated(layers, (channel, color) => {
      demodulate(from + channel * bytes, guides.byteOffset + color * bytes, bytes, exposure);
    });
    luminance(from, bytes, logOfLight);
    limitFireflies(
      ...[from, light.channels, logOfLight, at('firefly'), mapStride],
      ...[scratch.byteOffset, width, height, stride],
    );
    for (const [i, distance] of DILATIONS.entries()) {
      for (let c = 0; c < light.channels; c++) repeatBorder(from + c * bytes, width, height, stride);
      // The target's first plane is free until the pass writes to it.
      luminance(from, bytes, to);
      logLight(to, logOfLight, width, height, stride);
      repeatBorder(logOfLight, width, height, stride);
      average(
        ...[from, to, light.channels, guides.byteOffset],
        ...[at(`color${i + 1}`), at('albedo'), at('normal'), at(`spread${i + 1}`), mapStride],
        ...[scratch.byteOffset, width, height, stride, distance],
      );
      [from, to] = [to, from];
    }
    eachDemodulated(layers, (channel, color) => {
      remodulate(from + channel * bytes, guides.byteOffset + color * bytes, bytes, 1 / exposure);
    });
    const result = from === first.byteOffset ? first : second;
    for (let c = 0; c < light.channels; c++) {
      const values = plane(target, c);
      for (let y = 0; y < tile.height; y++) {
        const begin = c * size + (PAD + tile.y - region.y + y) * stride + PAD + tile.x - region.x;
        values.set(result.subarray(begin, begin + tile.width), (tile.y + y) * target.width + tile.x);
      }
    }
  }

  #functions(): Record<(typeof FUNCTIONS)[number], Filter> {
    return Object.fromEntries(FUNCTIONS.map((name) => [name, this.#build.function(name)])) as Record<
      (typeof FUNCTIONS)[number],
      Filter
    >;
  }
}

const FUNCTIONS = [
  'demodulate',
  'remodulate',
  'luminance',
  'logLight',
  'limitFireflies',
  'average',
  'repeatBorder',
] as const;

/** Channels of the layers that have the colour of the surface, and the channel of the albedo that each is divided by. */
function eachDemodulated(layers: readonly number[], visit: (channel: number, color: number) => void): void {
  let channel = 0;
  for (const channels of layers) {
    for (let c = 0; c < channels; c++, channel++) if (channels === 3) visit(channel, c);
  }
}
