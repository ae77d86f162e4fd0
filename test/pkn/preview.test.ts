import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import { plane, type Raster, raster } from '../../src/image/raster.js';
import { cutIntoTiles, type Tile } from '../../src/image/region.js';
import { readPknBundle } from '../../src/pkn/bundle.js';
import { checkMap, constantMap, PARAMETERS, type ParameterMap } from '../../src/pkn/parameter-map.js';
import { CrossBilateral } from '../../src/pkn/preview/cross-bilateral.js';
import type { PreviewBuffers } from '../../src/pkn/preview/preview-buffers.js';
import {
  PREVIEW_ALIGNMENT,
  PREVIEW_NETWORK_OVERLAP,
  PreviewNetwork,
} from '../../src/pkn/preview/preview-network.js';
import { largestDifference } from '../support/closeness.js';
import { randomRaster } from '../support/random.js';
import { at, SIZES } from './support.js';

const BUNDLE = fileURLToPath(new URL('../../models/pkn/1', import.meta.url));
const GOLDEN = new URL('../golden/pkn/', import.meta.url);
const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['relaxed', 'plain'] : ['plain'];

const golden: { tensors: Record<string, { file: string; shape: [number, number, number, number] }> } =
  JSON.parse(readFileSync(new URL('golden.json', GOLDEN), 'utf8'));

function tensor(name: string): Raster {
  const entry = golden.tensors[`cross_bilateral.${name}`];
  if (entry === undefined) throw new Error(`No golden tensor ${name}`);
  const [, channels, height, width] = entry.shape;
  const bytes = new Uint8Array(readFileSync(new URL(entry.file, GOLDEN)));
  return raster(width, height, channels, new Float32Array(bytes.buffer));
}

function channels(image: Raster, first: number, count: number): Raster {
  const size = image.width * image.height;
  return raster(
    ...[image.width, image.height, count, image.data.slice(first * size, (first + count) * size)],
  );
}

function goldenBuffers(): PreviewBuffers {
  const inputs = tensor('inputs');
  const albedo = channels(inputs, 4, 3);
  albedo.data.forEach((value, i) => {
    albedo.data[i] = Math.min(Math.max(value, 0), 1);
  });
  return {
    light: channels(inputs, 0, 3),
    colorVariance: channels(inputs, 3, 1),
    albedo,
    albedoVariance: channels(inputs, 7, 1),
    normal: channels(inputs, 8, 3),
    normalVariance: channels(inputs, 11, 1),
  };
}

function whole({ width, height }: Raster): Tile {
  return { x: 0, y: 0, width, height };
}

function filtered(
  buffers: PreviewBuffers,
  map: ParameterMap,
  { layers = [3], tiles = [whole(buffers.light)], simd = fastestSimd(), exposure = 1 } = {},
): Raster {
  const target = raster(buffers.light.width, buffers.light.height, buffers.light.channels);
  const filter = new CrossBilateral(simd);
  for (const tile of tiles) filter.filter(buffers, map, { exposure, layers, tile }, target);
  return target;
}

/** Every parameter the least of its range but those that are given. */
function mapOf(values: Record<string, number>, width: number, height: number): ParameterMap {
  const least = Object.entries(PARAMETERS['cross-bilateral']).map(([name, [low]]) => [name, low]);
  return constantMap(
    'cross-bilateral',
    { ...Object.fromEntries(least), firefly: 17, ...values },
    width,
    height,
  );
}

function buffersOf(width: number, height: number): PreviewBuffers {
  return {
    light: randomRaster(width, height, 3, [0.5, 1.5]),
    colorVariance: raster(width, height, 1),
    albedo: randomRaster(width, height, 3),
    normal: randomRaster(width, height, 3, [-1, 1]),
  };
}

const SPREAD = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`spread${i + 1}`, 1]));

describe('CrossBilateral', () => {
  it.each(BUILDS)('is what PyTorch makes of the same parameters, with %s SIMD', (simd) => {
    const map: ParameterMap = { filter: 'cross-bilateral', values: tensor('parameters') };
    const wanted = tensor('output');
    const received = filtered(goldenBuffers(), map, { simd });
    for (let i = 0; i < wanted.data.length; i++) {
      const value = wanted.data[i] as number;
      expect(Math.abs((received.data[i] as number) - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)));
    }
  });

  it.each(SIZES)('leaves a picture of %i x %i alone where nothing spreads', (width, height) => {
    const buffers = buffersOf(width, height);
    const result = filtered(buffers, mapOf({}, width, height));
    expect(largestDifference(result, buffers.light)).toBeLessThan(1e-5);
  });

  it.each(SIZES)('keeps constants of %i x %i under any surface', (width, height) => {
    const { normal } = buffersOf(width, height);
    const light = raster(width, height, 3);
    light.data.fill(0.7);
    const albedo = raster(width, height, 3);
    albedo.data.fill(0.4);
    const buffers = { light, albedo, ...(normal && { normal }), colorVariance: raster(width, height, 1) };
    const result = filtered(buffers, mapOf({ ...SPREAD, normal: 2 }, width, height));
    expect(largestDifference(result, light)).toBeLessThan(1e-5);
  });

  it('is the mean of nine pixels where one pass spreads fully and nothing tells them apart', () => {
    const [width, height] = [23, 17];
    const light = randomRaster(width, height, 3, [0.5, 1.5]);
    const buffers = { light, colorVariance: raster(width, height, 1) };
    const result = filtered(buffers, mapOf({ spread3: 1 }, width, height));
    for (const [x, y] of [
      [11, 8],
      [0, 0],
      [22, 16],
    ] as const) {
      let sum = 0;
      for (const dy of [-4, 0, 4]) for (const dx of [-4, 0, 4]) sum += at(light, x + dx, y + dy, 1);
      expect(at(result, x, y, 1)).toBeCloseTo(sum / 9, 5);
    }
  });

  it('does not mix across an edge of the albedo or of the normals', () => {
    const [width, height] = [40, 12];
    const step = raster(width, height, 3);
    step.data.forEach((_, i) => {
      step.data[i] = i % width < 20 ? 0 : 1;
    });
    const light = randomRaster(width, height, 3);
    for (let i = 0; i < light.data.length; i++) if (i % width >= 20) (light.data[i] as number) += 100;
    for (const name of ['albedo', 'normal'] as const) {
      const buffers = { light, [name]: step, colorVariance: raster(width, height, 1) };
      const result = filtered(buffers, mapOf({ ...SPREAD, [name]: 8 }, width, height));
      for (let x = 0; x < width; x++) {
        const value = at(result, x, 6);
        if (x < 20) expect(value).toBeLessThan(1);
        else expect(value).toBeGreaterThan(100);
      }
    }
  });

  it('limits what is far brighter than its neighbors', () => {
    const light = raster(9, 9, 3);
    light.data.fill(1);
    for (let c = 0; c < 3; c++) plane(light, c)[40] = 1000;
    const result = filtered({ light, colorVariance: raster(9, 9, 1) }, mapOf({ firefly: 2 }, 9, 9));
    // Neighbors are 1 / 0.05 without the albedo, of which there is none.
    expect(at(result, 4, 4)).toBeCloseTo(2 * (1 + 0.01 * 0.05), 3);
    expect(at(result, 3, 4)).toBeCloseTo(1, 5);
  });

  it('gives the same in tiles as in one piece', () => {
    const [width, height] = [203, 131];
    const buffers = buffersOf(width, height);
    const map = mapOf({ ...SPREAD, albedo: 1, normal: 1, color1: 2, color4: 1 }, width, height);
    plane(map.values, 8).set(randomRaster(map.values.width, map.values.height, 1).data);
    const tiles = [0, 64].flatMap((x) =>
      [0, 72].map((y) => ({ x, y, width: x === 0 ? 64 : width - x, height: y === 0 ? 72 : height - y })),
    );
    expect(largestDifference(filtered(buffers, map, { tiles }), filtered(buffers, map))).toBeLessThan(1e-6);
  });

  it('filters further layers with the weights of the colour, so that they still make it up', () => {
    const [width, height] = [33, 21];
    const buffers = buffersOf(width, height);
    const part = randomRaster(width, height, 3, [0, 0.5]);
    const rest = raster(
      width,
      height,
      3,
      buffers.light.data.map((value, i) => value - (part.data[i] as number)),
    );
    const alpha = raster(width, height, 1);
    alpha.data.fill(0.5);
    const light = raster(width, height, 10, new Float32Array(10 * width * height));
    [buffers.light, part, rest, alpha].reduce((offset, { data }) => {
      light.data.set(data, offset);
      return offset + data.length;
    }, 0);
    const map = mapOf({ ...SPREAD, albedo: 1, color1: 1, firefly: 1.2 }, width, height);
    const result = filtered({ ...buffers, light }, map, { layers: [3, 3, 3, 1], exposure: 2.5 });
    const sum = channels(result, 3, 3);
    channels(result, 6, 3).data.forEach((value, i) => {
      (sum.data[i] as number) += value;
    });
    expect(largestDifference(sum, channels(result, 0, 3))).toBeLessThan(1e-5);
    expect(largestDifference(channels(result, 0, 3), filtered(buffers, map, { exposure: 2.5 }))).toBeLessThan(
      1e-5,
    );
  });
});

describe('PreviewNetwork', () => {
  let network: PreviewNetwork;

  beforeAll(async () => {
    network = await PreviewNetwork.load(await readPknBundle(BUNDLE), onnxEngine);
  });

  async function predicted(buffers: PreviewBuffers, tiles = [whole(buffers.light)], exposure = 1) {
    const map = PreviewNetwork.createMap(buffers.light.width, buffers.light.height);
    for (const tile of tiles) await network.predict(buffers, exposure, tile, map.values);
    return map;
  }

  it('predicts the parameters that PyTorch predicts', async () => {
    const map = await predicted(goldenBuffers());
    expect(largestDifference(map.values, tensor('parameters'))).toBeLessThan(2e-3);
  });

  it.each(SIZES)('predicts maps in range for pictures of %i x %i', async (width, height) => {
    checkMap(await predicted(buffersOf(width, height)), 'cross-bilateral', width, height);
  });

  it('predicts the same in tiles as in one piece', async () => {
    const [width, height] = [171, 99];
    const buffers = buffersOf(width, height);
    const tiles = cutIntoTiles(width, height, {
      ...{ overlap: PREVIEW_NETWORK_OVERLAP, alignment: PREVIEW_ALIGNMENT, maxPixels: 100 ** 2, workers: 2 },
    });
    expect(tiles.length).toBeGreaterThan(3);
    const [cut, one] = [await predicted(buffers, tiles), await predicted(buffers)];
    expect(largestDifference(cut.values, one.values)).toBeLessThan(1e-3);
  });

  it('depends on exposed light alone', async () => {
    const buffers = goldenBuffers();
    const dark = {
      ...buffers,
      light: raster(
        75,
        51,
        3,
        buffers.light.data.map((value) => value / 8),
      ),
      colorVariance: raster(
        75,
        51,
        1,
        buffers.colorVariance.data.map((value) => value / 64),
      ),
    };
    const [a, b] = [await predicted(buffers), await predicted(dark, [whole(dark.light)], 8)];
    expect(largestDifference(a.values, b.values)).toBeLessThan(1e-4);
  });
});
